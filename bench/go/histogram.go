package main

import (
	"math"
	"time"
)

// histogram counts durations by the microsecond up to a second; longer ones count as a second.
type histogram struct {
	counts [1_000_001]uint32
	total  int
}

func (h *histogram) add(took time.Duration) {
	h.counts[min(took.Round(time.Microsecond).Microseconds(), 1_000_000)]++
	h.total++
}

// percentile is the microseconds that a share of the durations does not exceed.
func (h *histogram) percentile(share float64) int {
	left := int(math.Ceil(float64(h.total) * share))
	for us, count := range h.counts {
		left -= int(count)
		if left <= 0 {
			return us
		}
	}
	return 0
}
