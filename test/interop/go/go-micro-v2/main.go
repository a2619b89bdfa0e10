// Serves, calls and looks up the test contract the way go-micro's users do, over gRPC or over mucp.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"beckon.test/interop/echopb"
	"github.com/golang/protobuf/proto"
	"github.com/micro/go-micro/v2/client"
	grpcclient "github.com/micro/go-micro/v2/client/grpc"
	"github.com/micro/go-micro/v2/client/selector"
	"github.com/micro/go-micro/v2/codec/bytes"
	"github.com/micro/go-micro/v2/errors"
	"github.com/micro/go-micro/v2/metadata"
	"github.com/micro/go-micro/v2/registry"
	"github.com/micro/go-micro/v2/registry/etcd"
	"github.com/micro/go-micro/v2/server"
	grpcserver "github.com/micro/go-micro/v2/server/grpc"
)

var (
	mode        = flag.String("mode", "serve", "serve, call, get or watch")
	kind        = flag.String("kind", "grpc", "grpc or mucp")
	name        = flag.String("name", "hello.srv.say", "name of the service")
	version     = flag.String("version", "latest", "version of the server")
	contentType = flag.String("type", "application/protobuf", "content type of calls")
	address     = flag.String("etcd", "127.0.0.1:2379", "where etcd is")
)

func main() {
	flag.Parse()
	found := etcd.NewRegistry(registry.Addrs(*address))
	switch *mode {
	case "serve":
		serve(found)
	case "call":
		call(found)
	case "get":
		services, err := found.GetService(*name)
		print(map[string]interface{}{"services": services, "error": text(err)})
	case "watch":
		watch(found)
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func print(value interface{}) { check(json.NewEncoder(os.Stdout).Encode(value)) }

// Echo is the test contract.
type Echo struct{}

func (*Echo) Unary(ctx context.Context, in, out *echopb.EchoMessage) error {
	own, _ := metadata.Get(ctx, "X-Own")
	out.Text, out.Payload, out.Count = "go-micro: "+in.Text+own, in.Payload, in.Count+1
	return nil
}

// Once fails: with the code that is asked for, or with an error that has none.
func (*Echo) Once(_ context.Context, in, _ *echopb.EchoMessage) error {
	if in.Count == 0 {
		return fmt.Errorf("plain %s", in.Text)
	}
	return errors.New("echo", in.Text, in.Count)
}

func (*Echo) Expand(_ context.Context, stream server.Stream) error {
	in := new(echopb.EchoMessage)
	if err := stream.Recv(in); err != nil {
		return err
	}
	for i := int32(0); i < in.Count; i++ {
		if err := stream.Send(framed(stream.Context(), &echopb.EchoMessage{Text: fmt.Sprint(in.Text, i)})); err != nil {
			return err
		}
	}
	if in.Text == "fail" {
		return errors.NotFound("echo", "failed after %d", in.Count)
	}
	return nil
}

// Over mucp, go-micro writes the next message of a stream into the buffer of one that has not been sent yet, so that its own
// clients get the last one again and again. What is encoded already has a buffer of its own.
func framed(ctx context.Context, message *echopb.EchoMessage) interface{} {
	if *kind != "mucp" {
		return message
	}
	encode := func() ([]byte, error) { return json.Marshal(message) }
	if sent, _ := metadata.Get(ctx, "Content-Type"); sent == "application/protobuf" {
		encode = func() ([]byte, error) { return proto.Marshal(message) }
	}
	data, err := encode()
	check(err)
	return &bytes.Frame{Data: data}
}

func (*Echo) Chat(_ context.Context, stream server.Stream) error {
	for {
		in := new(echopb.EchoMessage)
		if err := stream.Recv(in); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if in.Text == "bye" {
			return nil
		}
		if err := stream.Send(&echopb.EchoMessage{Text: in.Text + "!"}); err != nil {
			return err
		}
	}
}

func serve(found registry.Registry) {
	options := []server.Option{server.Name(*name), server.Version(*version), server.Registry(found), server.Address("127.0.0.1:0"),
		server.Metadata(map[string]string{"color": "red"}), server.RegisterTTL(90 * time.Second)}
	var s server.Server
	if *kind == "grpc" {
		s = grpcserver.NewServer(options...)
	} else {
		s = server.NewServer(options...)
	}
	check(s.Handle(s.NewHandler(new(Echo))))
	check(s.Start())
	fmt.Println("ready", s.Options().Address)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, os.Interrupt)
	<-stop
	check(s.Stop())
}

func watch(found registry.Registry) {
	watcher, err := found.Watch(registry.WatchService(*name))
	check(err)
	fmt.Println("ready")
	for {
		result, err := watcher.Next()
		check(err)
		print(result)
	}
}

// What is read for every call, and what is printed after it.
type request struct {
	Method   string            `json:"method"`
	Messages []json.RawMessage `json:"messages"`
	Headers  map[string]string `json:"headers"`
}

type response struct {
	Messages []*echopb.EchoMessage `json:"messages"`
	Error    *errors.Error         `json:"error"`
}

func call(found registry.Registry) {
	options := []client.Option{client.Registry(found), client.Selector(selector.NewSelector(selector.Registry(found))),
		client.ContentType(*contentType), client.Retries(0)}
	var c client.Client
	if *kind == "grpc" {
		c = grpcclient.NewClient(options...)
	} else {
		c = client.NewClient(options...)
	}
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var in request
		check(json.Unmarshal(lines.Bytes(), &in))
		ctx, cancel := context.WithTimeout(metadata.NewContext(context.Background(), in.Headers), 5*time.Second)
		messages, err := in.make(ctx, c)
		cancel()
		out := response{Messages: messages}
		if err != nil {
			out.Error = errors.Parse(err.Error())
		}
		print(out)
	}
}

// Makes a call; those of streams send one message, and in a chat await an answer before the next.
func (r request) make(ctx context.Context, c client.Client) ([]*echopb.EchoMessage, error) {
	var all []*echopb.EchoMessage
	for _, raw := range r.Messages {
		message := new(echopb.EchoMessage)
		check(json.Unmarshal(raw, message))
		all = append(all, message)
	}
	if r.Method != "Echo.Expand" && r.Method != "Echo.Chat" {
		out := new(echopb.EchoMessage)
		if err := c.Call(ctx, c.NewRequest(*name, r.Method, all[0]), out); err != nil {
			return nil, err
		}
		return []*echopb.EchoMessage{out}, nil
	}
	stream, err := c.Stream(ctx, c.NewRequest(*name, r.Method, new(echopb.EchoMessage)))
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	var answers []*echopb.EchoMessage
	for _, message := range all {
		if err := stream.Send(message); err != nil {
			return answers, err
		}
		for {
			out := new(echopb.EchoMessage)
			if err := stream.Recv(out); err == io.EOF {
				break
			} else if err != nil {
				return answers, err
			}
			answers = append(answers, out)
			if r.Method == "Echo.Chat" {
				break
			}
		}
	}
	return answers, nil
}
