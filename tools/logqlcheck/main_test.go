package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestQueries(t *testing.T) {
	cases := []struct {
		query string
		rule  bool
		want  string // a part of the message; empty: the query is fine
	}{
		{`{app="a"} |= "error"`, false, ""},
		{`{app="a"} |= "error"`, true, "the query gives lines, and a rule needs numbers"},
		{`sum by (app) (rate({app="a"} |= "error" | json [5m])) > 1`, true, ""},
		{`count_over_time({app=~".+"}[1h])`, true, ""},
		{`sum(rate({app="a"} |= "error" [5m]) > 1`, true, "parse error at line 1, col "},
		{`rate(http_requests_total[5m])`, true, "parse error"},
		{`{app=~"("}`, false, "parse error"},
		{`{}`, false, "queries require at least one regexp or equality matcher"},
		{``, true, "parse error"},
		{strings.Repeat("(", 100000), true, "parse error"},
		{strings.Repeat("x", 200000), true, "input size too long"},
	}
	var q question
	q.Protocol = protocol
	for _, tc := range cases {
		q.Queries = append(q.Queries, query{tc.query, tc.rule})
	}
	input, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := run(bytes.NewReader(input), &out); err != nil {
		t.Fatal(err)
	}
	var got reply
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	messages := map[int]string{}
	for _, p := range got.Problems {
		messages[p.Index] = p.Message
	}
	for i, tc := range cases {
		if (messages[i] == "") != (tc.want == "") || !strings.Contains(messages[i], tc.want) {
			t.Errorf("%.60s: got %q, want %q", tc.query, messages[i], tc.want)
		}
	}
}

func TestWhatIsNoQuestionIsRefused(t *testing.T) {
	for text, want := range map[string]string{"": "EOF", "{": "unexpected EOF", `{"protocol": 2}`: "the queries are of protocol 2"} {
		var out bytes.Buffer
		if err := run(strings.NewReader(text), &out); err == nil || !strings.Contains(err.Error(), want) || out.Len() > 0 {
			t.Errorf("%q: got %v and %q", text, err, out.String())
		}
	}
}
