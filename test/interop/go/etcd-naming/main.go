// Calls the test contract through etcd's own resolver for gRPC, and serves it under etcd's own endpoint manager.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"beckon.test/interop/echopb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/naming/endpoints"
	"go.etcd.io/etcd/client/v3/naming/resolver"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

const service = "beckon.test.Echo"

func main() {
	mode := flag.String("mode", "call", "serve or call")
	etcd := flag.String("etcd", "127.0.0.1:2379", "where etcd is")
	target := flag.String("target", "echo", "what follows etcd:///")
	flag.Parse()
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{*etcd}, DialTimeout: 3 * time.Second})
	if err != nil {
		panic(err)
	}
	if *mode == "serve" {
		serve(client, *target)
	} else {
		call(client, *target)
	}
}

func serve(client *clientv3.Client, target string) {
	ctx := context.Background()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	server := grpc.NewServer()
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: service,
		HandlerType: (*interface{})(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Unary", Handler: func(_ interface{}, _ context.Context, decode func(interface{}) error, _ grpc.UnaryServerInterceptor) (interface{}, error) {
			in := new(echopb.EchoMessage)
			if err := decode(in); err != nil {
				return nil, err
			}
			return &echopb.EchoMessage{Text: "etcd-naming: " + in.Text}, nil
		}}},
	}, nil)
	go server.Serve(listener)
	manager, err := endpoints.NewManager(client, target)
	if err != nil {
		panic(err)
	}
	lease, err := client.Grant(ctx, 10)
	if err != nil {
		panic(err)
	}
	address := listener.Addr().String()
	key := target + "/" + address
	if err := manager.AddEndpoint(ctx, key, endpoints.Endpoint{Addr: address, Metadata: map[string]string{"zone": "z1"}}, clientv3.WithLease(lease.ID)); err != nil {
		panic(err)
	}
	alive, err := client.KeepAlive(ctx, lease.ID)
	if err != nil {
		panic(err)
	}
	go func() {
		for range alive {
		}
	}()
	fmt.Println("ready", address)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, os.Interrupt)
	<-stop
	manager.DeleteEndpoint(ctx, key)
	server.GracefulStop()
}

// Calls once for every line read.
func call(client *clientv3.Client, target string) {
	builder, err := resolver.NewBuilder(client)
	if err != nil {
		panic(err)
	}
	connection, err := grpc.NewClient("etcd:///"+target, grpc.WithResolvers(builder),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`))
	if err != nil {
		panic(err)
	}
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		out := map[string]interface{}{}
		response := new(echopb.EchoMessage)
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		if err := connection.Invoke(ctx, "/"+service+"/Unary", &echopb.EchoMessage{Text: lines.Text()}, response); err != nil {
			out["error"] = err.Error()
		} else {
			out["text"] = response.Text
		}
		cancel()
		json.NewEncoder(os.Stdout).Encode(out)
	}
}
