package sizing

import (
	"errors"

	"github.com/opsgen/opsgen/generator/document"
)

// Locate turns the error of Compute into document.Problems that name the place in cluster.yaml. Other errors, and none, are
// returned as they are.
func Locate(err error, file *document.Document) error {
	var problems Problems
	if file == nil || !errors.As(err, &problems) {
		return err
	}
	var located document.Problems
	for _, p := range problems {
		located = append(located, file.Problem(p.Path, p.Message, p.Hint))
	}
	return located
}
