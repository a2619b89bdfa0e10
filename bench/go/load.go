package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"beckon.test/interop/echopb"
)

// Messages of one server stream, after which the next is opened, and under way on one stream both ways, as in bench/harness/load.ts.
const (
	streamLength = 1000
	window       = 64
	bigWindow    = 2
	callers      = 4
)

// running is a load under way.
type running struct {
	load
	end      time.Time
	payload  []byte
	messages atomic.Int64
	lock     sync.Mutex
	times    histogram
}

func (r *running) over() bool { return !time.Now().Before(r.end) }

// run keeps a load going for its time.
func run(l load, all []calls) object {
	cpu, begin := cpuMicros(), time.Now()
	r := &running{load: l, end: begin.Add(time.Duration(l.Ms) * time.Millisecond), payload: bytes.Repeat([]byte{'a'}, l.Bytes)}
	workers := map[string]func(calls){"hello": r.hello, "echo": r.echo, "expand": r.expand, "chat": r.chat, "mixed": r.large}
	var group sync.WaitGroup
	for i := range l.InFlight {
		group.Go(func() { workers[l.Kind](all[i%len(all)]) })
	}
	if l.Kind == "mixed" {
		for range callers {
			group.Go(func() { r.timed(all[0].sayHello, time.Millisecond) })
		}
	}
	group.Wait()
	measured := object{
		"seconds": time.Since(begin).Seconds(), "cpuUs": cpuMicros() - cpu, "count": r.times.total,
		"p50us": r.times.percentile(0.5), "p99us": r.times.percentile(0.99), "maxUs": r.times.percentile(1),
	}
	switch l.Kind {
	case "expand", "chat":
		measured["count"] = r.messages.Load()
	case "mixed":
		measured["streamed"] = r.messages.Load() * int64(l.Bytes)
	}
	return measured
}

func (r *running) timed(call func(), pause time.Duration) {
	for !r.over() {
		start := time.Now()
		call()
		took := time.Since(start)
		r.lock.Lock()
		r.times.add(took)
		r.lock.Unlock()
		if pause > 0 {
			time.Sleep(pause)
		}
	}
}

func (r *running) hello(c calls) { r.timed(c.sayHello, 0) }

func (c calls) sayHello() {
	_, err := c.hello(context.Background(), request())
	check(err)
}

func (r *running) echo(c calls) {
	r.timed(func() {
		if got := len(c.echo(&echopb.EchoMessage{Payload: r.payload}).Payload); got != r.Bytes {
			panic(fmt.Sprintf("sent %d bytes, got %d", r.Bytes, got))
		}
	}, 0)
}

func (r *running) expand(c calls) {
	for !r.over() {
		stream, err := c.connection.NewStream(context.Background(), &expandStream, expandMethod)
		check(err)
		check(stream.SendMsg(&echopb.EchoMessage{Text: greeting, Count: streamLength}))
		check(stream.CloseSend())
		for {
			err := stream.RecvMsg(new(echopb.EchoMessage))
			if err == io.EOF {
				break
			}
			check(err)
			r.messages.Add(1)
		}
	}
}

func (r *running) chat(c calls)  { r.talk(c, greeting, window) }
func (r *running) large(c calls) { r.talk(c, "", bigWindow) }

// talk sends messages ahead of their answers, then one more for each answer.
func (r *running) talk(c calls, text string, ahead int) {
	stream, err := c.connection.NewStream(context.Background(), &chatStream, chatMethod)
	check(err)
	free := make(chan struct{}, ahead)
	for range ahead {
		free <- struct{}{}
	}
	go func() {
		for range free {
			check(stream.SendMsg(&echopb.EchoMessage{Text: text, Payload: r.payload}))
		}
		check(stream.CloseSend())
	}()
	closed := false
	for {
		err := stream.RecvMsg(new(echopb.EchoMessage))
		if err == io.EOF {
			return
		}
		check(err)
		r.messages.Add(1)
		if closed {
			continue
		}
		if closed = r.over(); closed {
			close(free)
		} else {
			free <- struct{}{}
		}
	}
}
