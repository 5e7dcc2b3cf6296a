package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/grafana/loki/v3/pkg/logql/syntax"
)

// protocol is the version of what is read and written. It changes together with opsgen's.
const protocol = 1

// maxInput bounds what is read: more than any repository of rules has.
const maxInput = 256 << 20

// question is what is read.
type question struct {
	Protocol int     `json:"protocol"`
	Queries  []query `json:"queries"`
}

type query struct {
	Text string `json:"query"`
	// Rule says that the query must give numbers: a ruler can do nothing with lines.
	Rule bool `json:"rule"`
}

// reply is what is written: nothing about queries that are fine.
type reply struct {
	Protocol int       `json:"protocol"`
	Problems []problem `json:"problems"`
}

type problem struct {
	// Index is the query's place in the question, from 0.
	Index   int    `json:"index"`
	Message string `json:"message"`
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	var q question
	decoder := json.NewDecoder(io.LimitReader(in, maxInput))
	if err := decoder.Decode(&q); err != nil {
		return fmt.Errorf("read the queries from the standard input: %w; opsgen writes them as JSON", err)
	}
	if q.Protocol != protocol {
		return fmt.Errorf("the queries are of protocol %d, and this program speaks %d; build it from opsgen's revision", q.Protocol, protocol)
	}
	answer := reply{Protocol: protocol, Problems: []problem{}}
	for i, query := range q.Queries {
		if err := check(query); err != nil {
			answer.Problems = append(answer.Problems, problem{i, err.Error()})
		}
	}
	return json.NewEncoder(out).Encode(answer)
}

// check parses one query as Loki's ruler does.
func check(q query) error {
	expr, err := syntax.ParseExpr(q.Text)
	if err != nil {
		return err
	}
	if _, numbers := expr.(syntax.SampleExpr); q.Rule && !numbers {
		return errors.New("the query gives lines, and a rule needs numbers; write count_over_time(… [5m]) or rate(… [5m]) around it")
	}
	return nil
}
