package main

import (
	"context"
	"io"
	"time"

	"beckon.bench/peers/hellopb"
	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	"github.com/go-kit/kit/sd/lb"
	kit "github.com/go-kit/kit/transport/grpc"
	"github.com/go-kit/log"
	"google.golang.org/grpc"
)

// pass is how go-kit's users whose endpoints take the messages themselves encode and decode.
func pass(_ context.Context, message any) (any, error) { return message, nil }

type kitHellos struct{ handler kit.Handler }

func (k kitHellos) hello(ctx context.Context, in *hellopb.HelloRequest) (*hellopb.HelloResponse, error) {
	_, out, err := k.handler.ServeGRPC(ctx, in)
	if err != nil {
		return nil, err
	}
	return out.(*hellopb.HelloResponse), nil
}

func kitServer() hellos {
	return kitHellos{kit.NewServer(func(_ context.Context, in any) (any, error) {
		return answer(in.(*hellopb.HelloRequest)), nil
	}, pass, pass)}
}

// dialKit is go-kit's way to call: an endpointer on an instancer, a balancer, three tries within three seconds. Its instancer has a fixed
// set; etcd's would keep it from changing just the same while calls are made.
func dialKit(address string, options ...grpc.DialOption) calls {
	var connection *grpc.ClientConn
	factory := func(instance string) (endpoint.Endpoint, io.Closer, error) {
		var err error
		connection, err = grpc.NewClient(instance, options...)
		if err != nil {
			return nil, nil, err
		}
		return kit.NewClient(connection, "hello.Greeter", "Hello", pass, pass, hellopb.HelloResponse{}).Endpoint(), connection, nil
	}
	endpointer := sd.NewEndpointer(sd.FixedInstancer{address}, factory, log.NewNopLogger())
	hello := lb.Retry(3, 3*time.Second, lb.NewRoundRobin(endpointer))
	return calls{
		connection: connection,
		hello: func(ctx context.Context, in *hellopb.HelloRequest) (*hellopb.HelloResponse, error) {
			out, err := hello(ctx, in)
			if err != nil {
				return nil, err
			}
			return out.(*hellopb.HelloResponse), nil
		},
	}
}
