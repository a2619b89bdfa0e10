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
	etcdv2 "github.com/go-kit/kit/sd/etcd"
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
	v2 := flag.Bool("v2", false, "use etcd's v2 API")
	prefix := flag.String("prefix", "/services/book/", "where instances are")
	name := flag.String("name", "go-kit", "what the server puts before its answers")
	flag.Parse()
	logger := log.NewLogfmtLogger(os.Stderr)
	discovery := byV3
	if *v2 {
		discovery = byV2
	}
	registrar, instancer := discovery(*etcd, *prefix, logger)
	if *mode == "serve" {
		serve(registrar, *name)
	} else {
		call(instancer(), logger)
	}
}

func byV3(address, prefix string, logger log.Logger) (func(string) sd.Registrar, func() sd.Instancer) {
	options := etcdv3.ClientOptions{DialTimeout: 3 * time.Second, DialKeepAlive: 3 * time.Second}
	client, err := etcdv3.NewClient(context.Background(), []string{address}, options)
	must(err)
	register := func(at string) sd.Registrar {
		return etcdv3.NewRegistrar(client, etcdv3.Service{Key: prefix + at, Value: at}, logger)
	}
	return register, func() sd.Instancer {
		instancer, err := etcdv3.NewInstancer(client, prefix, logger)
		must(err)
		return instancer
	}
}

func byV2(address, prefix string, logger log.Logger) (func(string) sd.Registrar, func() sd.Instancer) {
	client, err := etcdv2.NewClient(context.Background(), []string{"http://" + address}, etcdv2.ClientOptions{})
	must(err)
	register := func(at string) sd.Registrar {
		ttl := etcdv2.NewTTLOption(time.Second, 3*time.Second)
		return etcdv2.NewRegistrar(client, etcdv2.Service{Key: prefix + at, Value: at, TTL: ttl}, logger)
	}
	return register, func() sd.Instancer {
		instancer, err := etcdv2.NewInstancer(client, prefix, logger)
		must(err)
		return instancer
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func pass(_ context.Context, message interface{}) (interface{}, error) { return message, nil }

func serve(register func(string) sd.Registrar, name string) {
	answer := func(_ context.Context, request interface{}) (interface{}, error) {
		in := request.(*echopb.EchoMessage)
		return &echopb.EchoMessage{Text: name + ": " + in.Text, Payload: in.Payload, Count: in.Count + 1}, nil
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
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
	registrar := register(address)
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
func call(instancer sd.Instancer, logger log.Logger) {
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
