package secret

import (
	"crypto/rand"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
)

// characters are what a value consists of: letters and digits, which no shell, URL, YAML or environment changes.
const characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// newValues makes a random value of the stated length for each key.
func newValues(keys map[string]int) (map[string][]byte, error) {
	values := make(map[string][]byte, len(keys))
	for key, length := range keys {
		value := make([]byte, length)
		for i := range value {
			// rand.Int draws evenly; a remainder of a random byte would prefer the first characters.
			n, err := rand.Int(rand.Reader, big.NewInt(int64(len(characters))))
			if err != nil {
				return nil, fmt.Errorf("draw a random value: %w", err)
			}
			value[i] = characters[n.Int64()]
		}
		values[key] = value
	}
	return values, nil
}

// absent are the keys that data lacks or has empty, sorted and joined for a message; "" when it is complete.
func absent(keys map[string]int, data map[string][]byte) string {
	var names []string
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if len(data[key]) == 0 {
			names = append(names, key)
		}
	}
	return strings.Join(names, ", ")
}

// chosen is data's part that belongs to the keys: whoever added others to one Secret did not mean all of them.
func chosen(keys map[string]int, data map[string][]byte) map[string][]byte {
	part := make(map[string][]byte, len(keys))
	for key := range keys {
		part[key] = data[key]
	}
	return part
}

// equal says whether two Secrets have the same values for the keys.
func equal(keys map[string]int, a, b map[string][]byte) bool {
	for key := range keys {
		if string(a[key]) != string(b[key]) {
			return false
		}
	}
	return true
}
