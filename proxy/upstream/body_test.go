package upstream

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
)

// A body of known length is passed on in few parts; of a body without length each part may be the last for a while.
func TestPartsOfABody(t *testing.T) {
	broken := errors.New("the client left")
	for name, row := range map[string]struct {
		body   io.Reader
		length int64
		first  string
		then   error
	}{
		"of known length":      {strings.NewReader("samples"), 7, "samples", io.EOF},
		"of unknown length":    {strings.NewReader("samples"), -1, "s", nil},
		"longer than a buffer": {strings.NewReader("samples, many"), 13, "samples,", nil},
		"broken":               {io.MultiReader(strings.NewReader("sam"), iotest.ErrReader(broken)), 7, "sam", broken},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/x", io.NopCloser(iotest.OneByteReader(row.body)))
			r.ContentLength = row.length
			b := newRequestBody(r, &watchdog{})
			buffer := make([]byte, 8)
			n, err := b.Read(buffer)
			if err == nil && row.then != nil {
				_, err = b.Read(buffer)
			}
			if string(buffer[:n]) != row.first || !errors.Is(err, row.then) || errors.Is(row.then, broken) && !errors.Is(b.failure(), broken) {
				t.Errorf("read %q, then %v, failed with %v", buffer[:n], err, b.failure())
			}
		})
	}
}
