// The listeners written in Go: go-kit's instancer, and a bare watch which applies events to a map.
//
// Speaks the same lines as the programs in ../programs: see ../program.ts.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-kit/kit/sd"
	"github.com/go-kit/kit/sd/etcdv3"
	"github.com/go-kit/log"
	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sys/unix"
)

var (
	mutex   sync.Mutex
	out     = json.NewEncoder(os.Stdout)
	telling bool
	changes int
	size    int
)

func main() {
	kind, address, prefix := os.Args[1], os.Args[2], os.Args[3]
	begin := now()
	var err error
	if kind == "go-kit" {
		err = goKit(address, prefix)
	} else {
		err = watch(address, prefix)
	}
	if err != nil {
		panic(err)
	}
	mutex.Lock()
	tell(map[string]interface{}{"size": size, "listMs": now() - begin})
	mutex.Unlock()
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		mutex.Lock()
		switch strings.Fields(lines.Text())[0] {
		case "tell":
			telling = true
			tell(map[string]interface{}{})
		case "usage":
			tell(map[string]interface{}{"cpuUs": cpu(), "changes": changes, "size": size})
		}
		mutex.Unlock()
	}
}

func goKit(address, prefix string) error {
	options := etcdv3.ClientOptions{DialTimeout: 3 * time.Second, DialKeepAlive: 3 * time.Second}
	client, err := etcdv3.NewClient(context.Background(), []string{address}, options)
	if err != nil {
		return err
	}
	instancer, err := etcdv3.NewInstancer(client, prefix, log.NewNopLogger())
	if err != nil {
		return err
	}
	events := make(chan sd.Event, 1)
	instancer.Register(events)
	first := <-events
	if first.Err != nil {
		return first.Err
	}
	size = len(first.Instances)
	go func() {
		for event := range events {
			changed(len(event.Instances))
		}
	}()
	return nil
}

func watch(address, prefix string) error {
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{address}, DialTimeout: 3 * time.Second})
	if err != nil {
		return err
	}
	listed, err := client.Get(context.Background(), prefix, clientv3.WithPrefix())
	if err != nil {
		return err
	}
	instances := make(map[string]string, len(listed.Kvs))
	for _, kv := range listed.Kvs {
		instances[string(kv.Key)] = string(kv.Value)
	}
	size = len(instances)
	responses := client.Watch(context.Background(), prefix, clientv3.WithPrefix(), clientv3.WithRev(listed.Header.Revision+1))
	go func() {
		for response := range responses {
			for _, event := range response.Events {
				if event.Type == clientv3.EventTypeDelete {
					delete(instances, string(event.Kv.Key))
				} else {
					instances[string(event.Kv.Key)] = string(event.Kv.Value)
				}
				changed(len(instances))
			}
		}
	}()
	return nil
}

func changed(to int) {
	at := now()
	mutex.Lock()
	defer mutex.Unlock()
	changes++
	size = to
	if telling {
		tell(map[string]interface{}{"at": at})
	}
}

func tell(message map[string]interface{}) {
	if err := out.Encode(message); err != nil {
		panic(err)
	}
}

// Milliseconds on the clock which process.hrtime reads.
func now() float64 {
	var at unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &at); err != nil {
		panic(err)
	}
	return float64(at.Sec)*1e3 + float64(at.Nsec)/1e6
}

func cpu() int64 {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return usage.Utime.Nano()/1e3 + usage.Stime.Nano()/1e3
}
