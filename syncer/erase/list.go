package erase

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"

	"github.com/opsgen/opsgen/generator/document"
)

// Entry is one tenant whose data is to be deleted.
type Entry struct {
	// ID is the tenant's ID in Cortex and Loki.
	ID string `json:"id" jsonschema:"required"`
	// Name was its folder's name, for people.
	Name string `json:"name" jsonschema:"required"`
}

// id is what the proxy takes for an ID too (proxy/server): above all it holds no "|", which is two tenants.
var id = regexp.MustCompile(`^[A-Za-z0-9-]{1,63}$`)

// Read reads the list of tenants to erase ({tenants: [{id, name}]}). A file that does not exist is an empty list. The
// error is document.Problems, or says why the file cannot be read; the list is empty then: nothing is deleted by half a
// list.
func Read(file string) ([]Entry, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the list of tenants to erase: %w", err)
	}
	var list struct {
		Tenants []Entry `json:"tenants"`
	}
	doc, err := document.Decode(file, data, &list)
	if err != nil {
		return nil, err
	}
	check := document.Collector{Document: doc}
	for i, e := range list.Tenants {
		if !id.MatchString(e.ID) {
			check.Fail(fmt.Sprintf("tenants[%d].id", i), "Write the ID from tenants/removed.yaml.", "is %q, which is no tenant's ID", e.ID)
		}
	}
	if err := check.Problems.Err(); err != nil {
		return nil, err
	}
	return list.Tenants, nil
}
