// The Go peers of the call bench: grpc-go and go-kit, as server or as client.
//
//	go-peers grpc-go server '{"tls":…}'
//	go-peers go-kit client '{"address":…,"connections":1}'
package main

import (
	"fmt"
	"os"
)

func main() {
	stack, half, setup := os.Args[1], os.Args[2], readSetup(os.Args[3])
	parent := openParent()
	switch stack + " " + half {
	case "grpc-go server":
		serve(parent, setup, greeter{})
	case "go-kit server":
		serve(parent, setup, kitServer())
	case "grpc-go client":
		call(parent, setup, dialPlain)
	case "go-kit client":
		call(parent, setup, dialKit)
	default:
		fmt.Fprintln(os.Stderr, "no such peer:", stack, half)
		os.Exit(2)
	}
}
