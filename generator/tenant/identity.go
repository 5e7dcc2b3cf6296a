package tenant

import (
	"crypto/rand"
	"fmt"
	"regexp"
	"slices"
)

// maxID is what an ID may have: a name, a hyphen and what NewID puts behind it, and some room.
const maxID = 60

// DataID is the tenant's name in Cortex and Loki: the ID that is written, or else the folder's name.
func (t *Tenant) DataID() string {
	if t.ID != "" {
		return t.ID
	}
	return t.Name
}

// alphabet has no letter or digit that is read as another, and no vowels, which make words.
const alphabet = "bcdfghjkmnpqrstvwxz23456789"

// suffix is the number of letters behind the name: 14 million possibilities are enough among tenants of one name.
const suffix = 5

// NewID is an ID for a tenant that nobody had before: its name and five random letters.
func NewID(name string) string {
	letters := make([]byte, 0, suffix)
	for random := make([]byte, 1); len(letters) < suffix; {
		_, _ = rand.Read(random) // it never fails (crypto/rand, Go 1.24)
		// What does not divide evenly would make some letters likelier.
		if n := int(random[0]); n < 256/len(alphabet)*len(alphabet) {
			letters = append(letters, alphabet[n%len(alphabet)])
		}
	}
	return name + "-" + string(letters)
}

// id is what an ID may look like: what Cortex and Loki take as a tenant and as a folder of a bucket, without "|", by which
// they separate tenants of one query, and without dots.
var id = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)

// reservedIDs are what Cortex and Loki call the tenant of requests that name none, and the folder of Loki's index beside
// the tenants' own in the bucket.
func reservedIDs() []string { return []string{"fake", "index"} }

// CheckID says what is wrong with an ID, with what to write instead.
func CheckID(text string) error {
	switch {
	case len(text) > maxID:
		return fmt.Errorf("the ID %q has %d characters; use at most %d", text, len(text), maxID)
	case !id.MatchString(text):
		return fmt.Errorf("the ID %q may have lower-case letters, digits and hyphens only, with a letter or digit at both ends", text)
	case slices.Contains(reservedIDs(), text):
		return fmt.Errorf("the ID %q is a name that Cortex or Loki uses itself; choose another one", text)
	}
	return nil
}
