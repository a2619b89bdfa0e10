package main

import (
	"bufio"
	"encoding/json"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// setup is what this half was started with; see bench/harness/setup.ts.
type setup struct {
	Address     string `json:"address"`
	Connections int    `json:"connections"`
	TLS         *struct {
		CA   string `json:"ca"`
		Cert string `json:"cert"`
		Key  string `json:"key"`
	} `json:"tls"`
}

func readSetup(text string) setup {
	var s setup
	check(json.Unmarshal([]byte(text), &s))
	return s
}

// load is a measurement that is asked for.
type load struct {
	Kind     string `json:"kind"`
	InFlight int    `json:"inFlight"`
	Bytes    int    `json:"bytes"`
	Ms       int    `json:"ms"`
}

// order is what the bench asks for.
type order struct {
	Load *load  `json:"load"`
	Ask  string `json:"ask"`
	Park int    `json:"park"`
}

type object map[string]any

// parent is the bench, spoken to over Node's IPC: a line of JSON each.
type parent struct {
	lines *bufio.Scanner
	out   *json.Encoder
}

func openParent() parent {
	number, err := strconv.Atoi(os.Getenv("NODE_CHANNEL_FD"))
	check(err)
	file := os.NewFile(uintptr(number), "ipc")
	return parent{bufio.NewScanner(file), json.NewEncoder(file)}
}

func (p parent) tell(message object) { check(p.out.Encode(message)) }

// obey answers orders until the bench goes away; obeying ends the process.
func (p parent) obey(run func(load) object, park func(int)) {
	for p.lines.Scan() {
		var o order
		check(json.Unmarshal(p.lines.Bytes(), &o))
		switch {
		case o.Load != nil:
			p.tell(object{"measured": run(*o.Load)})
		case o.Park > 0:
			park(o.Park)
			p.tell(object{"parked": o.Park})
		case o.Ask == "cpu":
			p.tell(object{"cpu": cpuMicros()})
		case o.Ask == "memory":
			p.tell(object{"memory": memory()})
		}
	}
	os.Exit(0)
}

// cpuMicros is the processor time used so far.
func cpuMicros() int64 {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return (usage.Utime.Nano() + usage.Stime.Nano()) / 1000
}

// memory is what is held after collecting garbage: heap and stacks, and resident.
func memory() object {
	for range 3 {
		debug.FreeOSMemory()
		time.Sleep(100 * time.Millisecond)
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	resident := 0
	if text, err := os.ReadFile("/proc/self/statm"); err == nil {
		pages, _ := strconv.Atoi(strings.Fields(string(text))[1])
		resident = pages * os.Getpagesize()
	}
	return object{"heap": stats.HeapAlloc + stats.StackInuse, "rss": resident}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
