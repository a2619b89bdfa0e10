// Serves and calls the test contract the way kitex's users do, over gRPC, with its registry and resolver for etcd.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"beckon.test/interop/echopb"
	"github.com/cloudwego/kitex/client"
	"github.com/cloudwego/kitex/pkg/discovery"
	"github.com/cloudwego/kitex/pkg/klog"
	"github.com/cloudwego/kitex/pkg/registry"
	"github.com/cloudwego/kitex/pkg/remote/trans/nphttp2/codes"
	"github.com/cloudwego/kitex/pkg/remote/trans/nphttp2/status"
	"github.com/cloudwego/kitex/pkg/rpcinfo"
	"github.com/cloudwego/kitex/pkg/serviceinfo"
	"github.com/cloudwego/kitex/pkg/streaming"
	"github.com/cloudwego/kitex/server"
	"github.com/cloudwego/kitex/transport"
	etcd "github.com/kitex-contrib/registry-etcd"
)

var (
	mode    = flag.String("mode", "serve", "serve or call")
	address = flag.String("etcd", "127.0.0.1:2379", "where etcd is")
	name    = flag.String("name", "echo", "name of the service")
	who     = flag.String("who", "kitex", "what the server puts before its answers")
	weight  = flag.Int("weight", 0, "weight of the server")
)

// What kitex's tool makes of the contract's .proto, by hand.
var contract = &serviceinfo.ServiceInfo{
	ServiceName:  "Echo",
	HandlerType:  (*interface{})(nil),
	PayloadCodec: serviceinfo.Protobuf,
	Extra:        map[string]interface{}{"PackageName": "beckon.test", "streaming": true},
	Methods: map[string]serviceinfo.MethodInfo{
		"Unary":  method(unary, serviceinfo.StreamingUnary),
		"Once":   method(unary, serviceinfo.StreamingUnary),
		"Expand": method(expand, serviceinfo.StreamingServer),
	},
}

func method(handle func(in *echopb.EchoMessage, stream streaming.Stream) error, mode serviceinfo.StreamingMode) serviceinfo.MethodInfo {
	message := func() interface{} { return new(echopb.EchoMessage) }
	return serviceinfo.NewMethodInfo(func(_ context.Context, _, args, _ interface{}) error {
		in, stream := new(echopb.EchoMessage), args.(*streaming.Args).Stream
		if err := stream.RecvMsg(in); err != nil {
			return err
		}
		return handle(in, stream)
	}, message, message, false, serviceinfo.WithStreamingMode(mode))
}

func unary(in *echopb.EchoMessage, stream streaming.Stream) error {
	if in.Text == "gone" {
		return status.Err(codes.NotFound, in.Text)
	}
	return stream.SendMsg(&echopb.EchoMessage{Text: *who + ": " + in.Text, Payload: in.Payload, Count: in.Count + 1})
}

func expand(in *echopb.EchoMessage, stream streaming.Stream) error {
	for i := int32(0); i < in.Count; i++ {
		if err := stream.SendMsg(&echopb.EchoMessage{Text: fmt.Sprint(in.Text, i)}); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	flag.Parse()
	klog.SetOutput(io.Discard)
	if *mode == "serve" {
		serve()
	} else {
		call()
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func serve() {
	found, err := etcd.NewEtcdRegistry([]string{*address})
	must(err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	info := registry.Info{Weight: *weight, Tags: map[string]string{"color": "red", "version": "v3", "zone": "z"}}
	s := server.NewServer(server.WithListener(listener), server.WithRegistry(found), server.WithRegistryInfo(&info),
		server.WithServerBasicInfo(&rpcinfo.EndpointBasicInfo{ServiceName: *name}), server.WithExitWaitTime(100*time.Millisecond))
	must(s.RegisterService(contract, &struct{}{}))
	fmt.Println("ready", listener.Addr())
	go func() {
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() { // another weight
			changed := info
			changed.Weight, err = strconv.Atoi(lines.Text())
			must(err)
			must(found.Register(&changed))
			fmt.Println("{}")
		}
	}()
	must(s.Run())
}

func call() {
	resolver, err := etcd.NewEtcdResolver([]string{*address})
	must(err)
	c, err := client.NewClient(contract, client.WithDestService(*name), client.WithTransportProtocol(transport.GRPC), client.WithResolver(resolver),
		client.WithRPCTimeout(10*time.Second))
	must(err)
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		out := map[string]interface{}{}
		if words[0] == "resolve" { // <tag> …
			result, _ := resolver.Resolve(context.Background(), *name)
			out["instances"] = told(result.Instances, words[1:])
		} else { // <method> <text> [<count>]
			in := &echopb.EchoMessage{Text: words[1]}
			if len(words) > 2 {
				count, err := strconv.Atoi(words[2])
				must(err)
				in.Count = int32(count)
			}
			out["texts"], err = invoke(c, words[0], in)
			if err != nil {
				out["error"] = map[string]interface{}{"code": status.Code(err), "text": err.Error()}
			}
		}
		json.NewEncoder(os.Stdout).Encode(out)
	}
}

func told(instances []discovery.Instance, tags []string) []map[string]interface{} {
	all := []map[string]interface{}{}
	for _, one := range instances {
		of := map[string]string{}
		for _, tag := range tags {
			if value, there := one.Tag(tag); there {
				of[tag] = value
			}
		}
		all = append(all, map[string]interface{}{"network": one.Address().Network(), "address": one.Address().String(), "weight": one.Weight(), "tags": of})
	}
	return all
}

func invoke(c client.Client, method string, in *echopb.EchoMessage) ([]string, error) {
	if method != "Expand" {
		out := new(echopb.EchoMessage)
		if err := c.Call(context.Background(), method, in, out); err != nil {
			return nil, err
		}
		return []string{out.Text}, nil
	}
	var result streaming.Result
	if err := c.(client.Streaming).Stream(context.Background(), method, nil, &result); err != nil {
		return nil, err
	}
	if err := result.Stream.SendMsg(in); err != nil {
		return nil, err
	}
	if err := result.Stream.Close(); err != nil {
		return nil, err
	}
	var texts []string
	for {
		out := new(echopb.EchoMessage)
		if err := result.Stream.RecvMsg(out); err == io.EOF {
			return texts, nil
		} else if err != nil {
			return texts, err
		}
		texts = append(texts, out.Text)
	}
}
