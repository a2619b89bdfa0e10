// Calls what it finds as clients of kratos do. Its registry for etcd is not among the modules; what it does with a record is: json.Unmarshal.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"beckon.test/interop/echopb"
	"github.com/go-kratos/kratos/v2/log"
	"github.com/go-kratos/kratos/v2/registry"
	"github.com/go-kratos/kratos/v2/transport/grpc"
)

// Instances as they are told, line by line.
type told chan []*registry.ServiceInstance

func (t told) GetService(context.Context, string) ([]*registry.ServiceInstance, error) {
	return <-t, nil
}
func (t told) Watch(context.Context, string) (registry.Watcher, error) { return t, nil }
func (t told) Next() ([]*registry.ServiceInstance, error)              { return <-t, nil }
func (t told) Stop() error                                             { return nil }

func main() {
	flag.String("etcd", "", "not used")
	flag.Parse()
	log.SetLogger(log.NewStdLogger(io.Discard))
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		json.NewEncoder(os.Stdout).Encode(answer(lines.Bytes()))
	}
}

// Reads a record, writes it again, and calls the instance.
func answer(record []byte) map[string]interface{} {
	instance := new(registry.ServiceInstance)
	if err := json.Unmarshal(record, instance); err != nil {
		return map[string]interface{}{"error": err.Error()}
	}
	again, _ := json.Marshal(instance)
	out := map[string]interface{}{"record": string(again)}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	discovery := make(told, 1)
	discovery <- []*registry.ServiceInstance{instance}
	connection, err := grpc.DialInsecure(ctx, grpc.WithEndpoint("discovery:///"+instance.Name), grpc.WithDiscovery(discovery), grpc.WithTimeout(10*time.Second))
	if err == nil {
		defer connection.Close()
		reply := new(echopb.EchoMessage)
		err = connection.Invoke(ctx, "/beckon.test.Echo/Unary", &echopb.EchoMessage{Text: "hi"}, reply)
		out["text"] = reply.Text
	}
	if err != nil {
		out["error"] = err.Error()
	}
	return out
}
