package main

import (
	"context"
	"io"
	"net"

	"beckon.bench/peers/hellopb"
	"beckon.test/interop/echopb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// hellos answers Greeter.Hello.
type hellos interface {
	hello(context.Context, *hellopb.HelloRequest) (*hellopb.HelloResponse, error)
}

type greeter struct{}

func (greeter) hello(_ context.Context, in *hellopb.HelloRequest) (*hellopb.HelloResponse, error) {
	return answer(in), nil
}

// answer is the handler of every server.
func answer(in *hellopb.HelloRequest) *hellopb.HelloResponse {
	return &hellopb.HelloResponse{From: "server", To: in.From, Msg: in.Msg}
}

// serve answers the bench's calls until the bench goes away.
func serve(p parent, s setup, h hellos) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	var options []grpc.ServerOption
	if s.TLS != nil {
		security, err := credentials.NewServerTLSFromFile(s.TLS.Cert, s.TLS.Key)
		check(err)
		options = append(options, grpc.Creds(security))
	}
	server := grpc.NewServer(options...)
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "hello.Greeter",
		HandlerType: (*hellos)(nil),
		Methods: []grpc.MethodDesc{method("Hello", func(server any, ctx context.Context, in *hellopb.HelloRequest) (any, error) {
			return server.(hellos).hello(ctx, in)
		})},
	}, h)
	expandStream.Handler, chatStream.Handler = expand, chat
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "beckon.test.Echo",
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{method("Unary", unary)},
		Streams:     []grpc.StreamDesc{expandStream, chatStream},
	}, struct{}{})
	go func() { check(server.Serve(listener)) }()
	p.tell(object{"address": listener.Addr().String()})
	p.obey(nil, nil)
}

// unary never answers a call with the text "park".
func unary(_ any, ctx context.Context, in *echopb.EchoMessage) (any, error) {
	if in.Text == "park" {
		<-ctx.Done()
	}
	return &echopb.EchoMessage{Text: in.Text, Payload: in.Payload, Count: in.Count}, nil
}

func expand(_ any, stream grpc.ServerStream) error {
	in := new(echopb.EchoMessage)
	if err := stream.RecvMsg(in); err != nil {
		return err
	}
	for i := range in.Count {
		if err := stream.SendMsg(&echopb.EchoMessage{Text: in.Text, Payload: in.Payload, Count: i}); err != nil {
			return err
		}
	}
	return nil
}

func chat(_ any, stream grpc.ServerStream) error {
	for {
		in := new(echopb.EchoMessage)
		if err := stream.RecvMsg(in); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := stream.SendMsg(&echopb.EchoMessage{Text: in.Text, Payload: in.Payload, Count: in.Count}); err != nil {
			return err
		}
	}
}
