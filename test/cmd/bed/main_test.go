package main

import (
	"io"
	"strings"
	"testing"
)

func TestWrongUsageIsToldApartFromFailure(t *testing.T) {
	for line, want := range map[string]int{
		"--help":                            0,
		"upp":                               2,
		"up --node 3":                       2,
		"up now":                            2,
		"up --nodes many":                   2,
		"exec node-1":                       2,
		"logs a b":                          2,
		"status --name no-bed-of-this-name": 1,
	} {
		t.Run(line, func(t *testing.T) {
			root := command()
			root.SetArgs(strings.Fields(line))
			root.SetOut(io.Discard)
			if got := run(t.Context(), root, io.Discard); got != want {
				t.Errorf("the exit code is %d, want %d", got, want)
			}
		})
	}
}

func TestNodesAreANumberOrFake(t *testing.T) {
	for _, c := range []struct {
		real            string
		fakes           int
		nodes, fakeOnes int
		good            bool
	}{
		{"1", 0, 1, 0, true},
		{"3", 20, 3, 20, true},
		{"fake", 0, 0, 3, true},
		{"fake", 50, 0, 50, true},
		{"0", 0, 0, 0, false},
		{"many", 0, 0, 0, false},
		{"1", -1, 0, 0, false},
	} {
		nodes, fakes, err := counts(c.real, c.fakes)
		if nodes != c.nodes || fakes != c.fakeOnes || (err == nil) != c.good {
			t.Errorf("--nodes %s --fake %d: %d real, %d fake, %v", c.real, c.fakes, nodes, fakes, err)
		}
	}
}
