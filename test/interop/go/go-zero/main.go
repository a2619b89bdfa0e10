// Publishes and subscribes as servers and clients of go-zero do (core/discov).
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"

	"github.com/zeromicro/go-zero/core/discov"
	"github.com/zeromicro/go-zero/core/logx"
)

func main() {
	etcd := flag.String("etcd", "127.0.0.1:2379", "where etcd is")
	key := flag.String("key", "user.rpc", "Etcd.Key of the configuration")
	flag.Parse()
	logx.Disable()
	hosts := []string{*etcd}
	subscriber, err := discov.NewSubscriber(hosts, *key)
	must(err)
	publishers := map[string]*discov.Publisher{}
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		switch words[0] {
		case "publish": // <value> [<id>]
			var options []discov.PubOption
			if len(words) > 2 {
				id, err := strconv.ParseInt(words[2], 10, 64)
				must(err)
				options = append(options, discov.WithId(id))
			}
			publisher := discov.NewPublisher(hosts, *key, words[1], options...)
			must(publisher.KeepAlive())
			publishers[words[1]] = publisher
		case "stop": // <value>
			publishers[words[1]].Stop()
		}
		values := append([]string{}, subscriber.Values()...)
		sort.Strings(values)
		json.NewEncoder(os.Stdout).Encode(map[string]interface{}{"values": values})
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
