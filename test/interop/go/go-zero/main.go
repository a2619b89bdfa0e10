// Publishes and subscribes as servers and clients of go-zero do (core/discov), and serves and calls the test contract with them (zrpc).
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"

	"beckon.test/interop/echopb"
	"github.com/zeromicro/go-zero/core/conf"
	"github.com/zeromicro/go-zero/core/discov"
	"github.com/zeromicro/go-zero/core/logx"
	"github.com/zeromicro/go-zero/core/proc"
	"github.com/zeromicro/go-zero/core/service"
	"github.com/zeromicro/go-zero/zrpc"
	"google.golang.org/grpc"
)

var (
	mode    = flag.String("mode", "discov", "discov, serve or call")
	address = flag.String("etcd", "127.0.0.1:2379", "where etcd is")
	key     = flag.String("key", "user.rpc", "Etcd.Key of the configuration")
	who     = flag.String("who", "go-zero", "what the server puts before its answers")

	// Its own is 5.5 s.
	shutdown = proc.ShutdownConf{WrapUpTime: 100 * time.Millisecond, WaitTime: 500 * time.Millisecond}
)

func main() {
	flag.Parse()
	logx.Disable()
	proc.Setup(shutdown)
	switch *mode {
	case "discov":
		publishAndSubscribe()
	case "serve":
		serve()
	case "call":
		call()
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func publishAndSubscribe() {
	hosts := []string{*address}
	subscriber, err := discov.NewSubscriber(hosts, *key)
	must(err)
	publishers := map[string]*discov.Publisher{}
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		switch words[0] {
		case "publish": // <value> [<id>]
			var options []discov.PubOption
			if len(words) > 2 {
				id, err := strconv.ParseInt(words[2], 10, 64)
				must(err)
				options = append(options, discov.WithId(id))
			}
			publisher := discov.NewPublisher(hosts, *key, words[1], options...)
			must(publisher.KeepAlive())
			publishers[words[1]] = publisher
		case "stop": // <value>
			publishers[words[1]].Stop()
		}
		values := append([]string{}, subscriber.Values()...)
		sort.Strings(values)
		json.NewEncoder(os.Stdout).Encode(map[string]interface{}{"values": values})
	}
}

func serve() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	at := listener.Addr().String()
	must(listener.Close())
	var c zrpc.RpcServerConf
	_ = conf.FillDefault(&c) // what has no default is missed
	c.Name, c.Mode, c.ListenOn, c.Etcd = *key, service.TestMode, at, discov.EtcdConf{Hosts: []string{*address}, Key: *key}
	c.Log.Level, c.Timeout = "severe", 10_000
	c.Shutdown = shutdown
	server := zrpc.MustNewServer(c, func(server *grpc.Server) {
		server.RegisterService(&grpc.ServiceDesc{
			ServiceName: "beckon.test.Echo",
			HandlerType: (*interface{})(nil),
			Methods:     []grpc.MethodDesc{{MethodName: "Unary", Handler: unary}},
		}, nil)
	})
	fmt.Println("ready", at)
	server.Start()
}

func unary(_ interface{}, ctx context.Context, decode func(interface{}) error, intercept grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(echopb.EchoMessage)
	if err := decode(in); err != nil {
		return nil, err
	}
	return intercept(ctx, in, &grpc.UnaryServerInfo{FullMethod: "/beckon.test.Echo/Unary"}, func(context.Context, interface{}) (interface{}, error) {
		return &echopb.EchoMessage{Text: *who + ": " + in.Text}, nil
	})
}

// Calls once for every line read.
func call() {
	var c zrpc.RpcClientConf
	_ = conf.FillDefault(&c)
	c.Etcd, c.Timeout = discov.EtcdConf{Hosts: []string{*address}, Key: *key}, 10_000
	client := zrpc.MustNewClient(c)
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		out, reply := map[string]string{}, new(echopb.EchoMessage)
		if err := client.Conn().Invoke(context.Background(), "/beckon.test.Echo/Unary", &echopb.EchoMessage{Text: lines.Text()}, reply); err != nil {
			out["error"] = err.Error()
		} else {
			out["text"] = reply.Text
		}
		json.NewEncoder(os.Stdout).Encode(out)
	}
}
