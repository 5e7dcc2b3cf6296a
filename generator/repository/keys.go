package repository

import (
	"errors"
	"io/fs"

	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/proxy/token"
)

// loadKeys reads the public keys and the revocations of a cluster, nil when it has none. They are checked as the proxy
// checks them: what it would refuse, with all the tokens of a cluster, must not get there.
func (r *Repository) loadKeys(clusterName string) (map[string]string, error) {
	var problems document.Problems
	keys := map[string]string{}
	for name, check := range map[string]func(file string, data []byte) error{
		token.KeysFileName:        func(file string, data []byte) error { _, err := token.ParseKeySetFile(file, data); return err },
		token.RevocationsFileName: func(file string, data []byte) error { _, err := token.ParseRevocationsFile(file, data); return err },
	} {
		file := "clusters/" + clusterName + "/keys/" + name
		data, err := r.text(file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			problems = append(problems, document.Problem{File: file, Message: "cannot be read: " + reason(err)})
			continue
		}
		if err := check(file, data); err != nil {
			problems = append(problems, asProblems(err)...)
		}
		keys[name] = string(data)
	}
	if len(keys) == 0 {
		return nil, problems.Err()
	}
	return keys, problems.Err()
}
