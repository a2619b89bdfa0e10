// Serves and calls the test contract the way go-kit's users do.
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
	"os/signal"
	"syscall"
	"time"

	"beckon.test/interop/echopb"
	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	"github.com/go-kit/kit/sd/etcdv3"
	"github.com/go-kit/kit/sd/lb"
	kitgrpc "github.com/go-kit/kit/transport/grpc"
	"github.com/go-kit/log"
	"google.golang.org/grpc"
)

const service = "beckon.test.Echo"

func main() {
	mode := flag.String("mode", "serve", "serve or call")
	etcd := flag.String("etcd", "127.0.0.1:2379", "where etcd is")
	prefix := flag.String("prefix", "/services/book/", "where instances are")
	name := flag.String("name", "go-kit", "what the server puts before its answers")
	flag.Parse()
	logger := log.NewLogfmtLogger(os.Stderr)
	options := etcdv3.ClientOptions{DialTimeout: 3 * time.Second, DialKeepAlive: 3 * time.Second}
	client, err := etcdv3.NewClient(context.Background(), []string{*etcd}, options)
	if err != nil {
		panic(err)
	}
	if *mode == "serve" {
		serve(client, *prefix, *name, logger)
	} else {
		call(client, *prefix, logger)
	}
}

func pass(_ context.Context, message interface{}) (interface{}, error) { return message, nil }

func serve(client etcdv3.Client, prefix, name string, logger log.Logger) {
	answer := func(_ context.Context, request interface{}) (interface{}, error) {
		in := request.(*echopb.EchoMessage)
		return &echopb.EchoMessage{Text: name + ": " + in.Text, Payload: in.Payload, Count: in.Count + 1}, nil
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	server := grpc.NewServer()
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: service,
		HandlerType: (*kitgrpc.Handler)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Unary", Handler: func(handler interface{}, ctx context.Context, decode func(interface{}) error, _ grpc.UnaryServerInterceptor) (interface{}, error) {
			in := new(echopb.EchoMessage)
			if err := decode(in); err != nil {
				return nil, err
			}
			_, response, err := handler.(kitgrpc.Handler).ServeGRPC(ctx, in)
			return response, err
		}}},
	}, kitgrpc.NewServer(answer, pass, pass))
	address := listener.Addr().String()
	registrar := etcdv3.NewRegistrar(client, etcdv3.Service{Key: prefix + address, Value: address}, logger)
	registrar.Register()
	go server.Serve(listener)
	fmt.Println("ready", address)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, os.Interrupt)
	<-stop
	registrar.Deregister()
	server.GracefulStop()
}

// Calls once for every line read.
func call(client etcdv3.Client, prefix string, logger log.Logger) {
	instancer, err := etcdv3.NewInstancer(client, prefix, logger)
	if err != nil {
		panic(err)
	}
	factory := func(instance string) (endpoint.Endpoint, io.Closer, error) {
		connection, err := grpc.Dial(instance, grpc.WithInsecure())
		if err != nil {
			return nil, nil, err
		}
		return kitgrpc.NewClient(connection, service, "Unary", pass, pass, echopb.EchoMessage{}).Endpoint(), connection, nil
	}
	endpointer := sd.NewEndpointer(instancer, factory, logger)
	unary := lb.Retry(3, 3*time.Second, lb.NewRoundRobin(endpointer))
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		out := map[string]interface{}{}
		response, err := unary(context.Background(), &echopb.EchoMessage{Text: lines.Text()})
		if err != nil {
			out["error"] = err.Error()
		} else {
			out["text"] = response.(*echopb.EchoMessage).Text
		}
		json.NewEncoder(os.Stdout).Encode(out)
	}
}
