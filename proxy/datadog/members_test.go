package datadog

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// FuzzMembers compares with encoding/json, for all objects that are valid.
func FuzzMembers(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":1}`, ` { "a" : "b\"}{" , "c\u0061":[{"x":"]"},2] , "":null, "d":{"e":{}} }`, `{"a":1,"a":-2.5e3}`, `{"\\":"\\","b":true}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, object []byte) {
		var want map[string]json.RawMessage
		if !utf8.Valid(object) || json.Unmarshal(object, &want) != nil || want == nil {
			_ = members(object, func(_, _ []byte) {}) // must end
			return
		}
		got := map[string]string{}
		if err := members(object, func(name, value []byte) { got[string(name)] = string(value) }); err != nil {
			t.Fatal(err)
		}
		for name, value := range want {
			if got[name] != string(value) {
				t.Errorf("%q is %q, want %q", name, got[name], value)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%d members, want %d", len(got), len(want))
		}
	})
}
