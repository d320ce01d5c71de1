package main

import (
	"slices"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	tests := []struct {
		args []string
		a, b []string
		bad  bool
	}{
		{args: []string{"x", "y", "--", "a", "1", "--", "b"}, a: []string{"a", "1"}, b: []string{"b"}},
		{args: []string{"x", "y", "--", "a", "--", "b", "-c", "2"}, a: []string{"a"}, b: []string{"b", "-c", "2"}},
		{args: nil, bad: true},
		{args: []string{"x", "y", "--", "a"}, bad: true},
		{args: []string{"x", "y", "--", "a", "--"}, bad: true},
		{args: []string{"x", "y", "--", "--", "b"}, bad: true},
	}
	for _, tt := range tests {
		pair, err := parse(tt.args)
		if tt.bad {
			if err == nil {
				t.Errorf("parse(%q) gave no error, want one", tt.args)
			}
			continue
		}
		if err != nil {
			t.Errorf("parse(%q) = %v, want no error", tt.args, err)
			continue
		}
		if !slices.Equal(pair[0].args, tt.a) || !slices.Equal(pair[1].args, tt.b) {
			t.Errorf("parse(%q) = %q and %q, want %q and %q", tt.args, pair[0].args, pair[1].args, tt.a, tt.b)
		}
	}
}

func TestMedian(t *testing.T) {
	tests := []struct {
		sorted []time.Duration
		want   time.Duration
	}{
		{[]time.Duration{5}, 5},
		{[]time.Duration{1, 3}, 2},
		{[]time.Duration{1, 2, 90}, 2},
		{[]time.Duration{1, 2, 4, 90}, 3},
	}
	for _, tt := range tests {
		if got := median(tt.sorted); got != tt.want {
			t.Errorf("median(%v) = %v, want %v", tt.sorted, got, tt.want)
		}
	}
}
