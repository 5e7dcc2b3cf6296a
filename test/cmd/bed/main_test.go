package main

import "testing"

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
