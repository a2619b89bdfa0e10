// Registers and watches as services of go-micro v1 do with go-plugins' etcd registry, which speaks etcd's v2 API.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/micro/go-micro/registry"
	"github.com/micro/go-plugins/registry/etcd"
)

func main() {
	address := flag.String("etcd", "127.0.0.1:2379", "where etcd is")
	service := flag.String("service", "book", "what is watched")
	flag.Parse()
	services := etcd.NewRegistry(registry.Addrs("http://"+*address), registry.Timeout(5*time.Second))
	watcher, err := services.Watch(registry.WatchService(*service))
	if err != nil {
		panic(err)
	}
	changes := make(chan *registry.Result, 100)
	go func() {
		for {
			result, err := watcher.Next()
			if err != nil {
				return
			}
			changes <- result
		}
	}()
	await(services, changes, *service)
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		json.NewEncoder(os.Stdout).Encode(answer(services, changes, strings.Fields(lines.Text())))
	}
}

// Returns when the watch is on, which nobody says.
func await(services registry.Registry, changes chan *registry.Result, name string) {
	first := &registry.Service{Name: name, Nodes: []*registry.Node{{Id: "first", Address: "127.0.0.1:1"}}}
	for on := false; !on; {
		services.Register(first)
		select {
		case <-changes:
			on = true
		case <-time.After(200 * time.Millisecond):
		}
	}
	services.Deregister(first)
	for (<-changes).Action != "delete" {
	}
}

// Commands: `register <service> <id> <address>`, `deregister <service> <id>`, `get <service>`, `list`, `next` (change of what is watched).
func answer(services registry.Registry, changes chan *registry.Result, words []string) map[string]interface{} {
	out := map[string]interface{}{}
	var err error
	switch words[0] {
	case "register":
		err = services.Register(&registry.Service{
			Name:      words[1],
			Version:   "1.0",
			Metadata:  map[string]string{"about": "service"},
			Endpoints: []*registry.Endpoint{{Name: "Say.Hello", Request: &registry.Value{Name: "Req", Type: "Req"}, Metadata: map[string]string{}}},
			Nodes:     []*registry.Node{{Id: words[2], Address: words[3], Metadata: map[string]string{"protocol": "mucp", "server": "rpc"}}},
		}, registry.RegisterTTL(60*time.Second))
	case "deregister":
		err = services.Deregister(&registry.Service{Name: words[1], Nodes: []*registry.Node{{Id: words[2]}}})
	case "get":
		out["services"], err = services.GetService(words[1])
	case "list":
		out["services"], err = services.ListServices()
	case "next":
		select {
		case result := <-changes:
			out["action"] = result.Action
			out["service"] = result.Service
		case <-time.After(20 * time.Second):
			out["action"] = "none"
		}
	}
	if err != nil {
		out["error"] = err.Error()
	}
	return out
}
