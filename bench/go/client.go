package main

import (
	"context"
	"fmt"
	"time"

	"beckon.bench/peers/hellopb"
	"beckon.test/interop/echopb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// calls is one connection of a client.
type calls struct {
	connection *grpc.ClientConn
	hello      func(context.Context, *hellopb.HelloRequest) (*hellopb.HelloResponse, error)
}

type dial func(address string, options ...grpc.DialOption) calls

func dialPlain(address string, options ...grpc.DialOption) calls {
	connection, err := grpc.NewClient(address, options...)
	check(err)
	return calls{connection, func(ctx context.Context, in *hellopb.HelloRequest) (*hellopb.HelloResponse, error) {
		// Every call has a deadline, as beckon's do.
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		out := new(hellopb.HelloResponse)
		return out, connection.Invoke(ctx, helloMethod, in, out)
	}}
}

// call makes the calls that the bench asks for until the bench goes away.
func call(p parent, s setup, connect dial) {
	security := insecure.NewCredentials()
	if s.TLS != nil {
		var err error
		security, err = credentials.NewClientTLSFromFile(s.TLS.CA, "")
		check(err)
	}
	all := make([]calls, s.Connections)
	for i := range all {
		all[i] = connect(s.Address, grpc.WithTransportCredentials(security))
		out, err := all[i].hello(context.Background(), request())
		check(err)
		if out.From != "server" || out.To != "client" || out.Msg != greeting {
			panic(fmt.Sprint("wrong answer: ", out))
		}
	}
	p.tell(object{"ready": true})
	p.obey(func(l load) object { return run(l, all) }, func(count int) { park(count, all) })
}

const greeting = "hello, how are you?"

func request() *hellopb.HelloRequest {
	return &hellopb.HelloRequest{From: "client", To: "server", Msg: greeting}
}

func (c calls) echo(in *echopb.EchoMessage) *echopb.EchoMessage {
	out := new(echopb.EchoMessage)
	check(c.connection.Invoke(context.Background(), unaryMethod, in, out))
	return out
}

// park makes calls that the server never answers, then one that it does: the others are there by then.
func park(count int, all []calls) {
	for i := range count {
		go all[i%len(all)].echo(&echopb.EchoMessage{Text: "park"})
	}
	time.Sleep(500 * time.Millisecond)
	for _, c := range all {
		c.echo(&echopb.EchoMessage{Text: "here"})
	}
}
