package main

import (
	"context"

	"google.golang.org/grpc"
)

const (
	helloMethod  = "/hello.Greeter/Hello"
	unaryMethod  = "/beckon.test.Echo/Unary"
	expandMethod = "/beckon.test.Echo/Expand"
	chatMethod   = "/beckon.test.Echo/Chat"
)

// method describes a unary one, as generated code does.
func method[In any](name string, answer func(server any, ctx context.Context, in *In) (any, error)) grpc.MethodDesc {
	return grpc.MethodDesc{MethodName: name, Handler: func(server any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		in := new(In)
		if err := decode(in); err != nil {
			return nil, err
		}
		return answer(server, ctx, in)
	}}
}

var (
	expandStream = grpc.StreamDesc{StreamName: "Expand", ServerStreams: true}
	chatStream   = grpc.StreamDesc{StreamName: "Chat", ServerStreams: true, ClientStreams: true}
)
