package limit_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/limit"
)

// closer tells whether it was closed.
type closer struct {
	io.Reader
	closed bool
}

func (c *closer) Close() error { c.closed = true; return nil }

func bodyOf(n int) *closer { return &closer{Reader: strings.NewReader(strings.Repeat("x", n))} }

func TestBodyIsTooLarge(t *testing.T) {
	for name, test := range map[string]struct {
		length int64
		sent   int
		refuse bool
		part   int // that comes before the refusal
	}{
		"by its length":                 {length: 11, sent: 11, refuse: true},
		"of unknown length":             {length: -1, sent: 11, refuse: true, part: 10},
		"larger than it said":           {length: 5, sent: 11, refuse: true, part: 10},
		"endless":                       {length: -1, sent: 1 << 20, refuse: true, part: 10},
		"fits exactly":                  {length: 10, sent: 10, part: 10},
		"fits exactly, unknown length":  {length: -1, sent: 10, part: 10},
		"empty although length unknown": {length: -1, sent: 0},
	} {
		t.Run(name, func(t *testing.T) {
			l := limiter(limits(func(c *config.Limits) { c.Tenant.BodyBytes = 10 }), "a")
			for _, slow := range []bool{false, true} {
				source := bodyOf(test.sent)
				body, refusal := l.Body(t.Context(), "a", test.length, source)
				if refusal == nil {
					var got []byte
					var err error
					if slow {
						got, err = io.ReadAll(iotest.OneByteReader(body))
					} else {
						got, err = io.ReadAll(body)
					}
					if len(got) != test.part {
						t.Errorf("%d bytes came, want %d", len(got), test.part)
					}
					errors.As(err, &refusal)
					if err := body.Close(); err != nil || !source.closed {
						t.Error("the body was not closed")
					}
				} else if test.part > 0 {
					t.Errorf("refused at once: %v", refusal)
				}
				if refused := refusal != nil; refused != test.refuse {
					t.Errorf("refused: %v, want %v", refused, test.refuse)
				}
				if refusal != nil && (refusal.Status != 413 || refusal.Reason != limit.BodySize || refusal.RetryAfter != 0) {
					t.Errorf("refused with %+v", refusal)
				}
			}
		})
	}
}

func TestNoBodyIsNeverRefused(t *testing.T) {
	l := limiter(limits(nil), "a")
	for _, body := range []io.ReadCloser{nil, http.NoBody} {
		if got, refusal := l.Body(t.Context(), "a", 0, body); got != http.NoBody || refusal != nil {
			t.Errorf("got %v, %v", got, refusal)
		}
	}
}

// bytesASecond is a limiter with 100 bytes a second and bodies up to 1000, which is then also the burst.
func bytesASecond() *limit.Limiter {
	return limiter(limits(func(c *config.Limits) { c.Tenant.BytesPerSecond, c.Tenant.BodyBytes = 100, 1000 }), "a", "b")
}

func TestBytesASecondAreRefusedBeforeTheBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bytesASecond()
		body, refusal := l.Body(t.Context(), "a", 1000, bodyOf(1000))
		if refusal != nil {
			t.Fatalf("the burst does not hold one body: %v", refusal)
		}
		if n, err := io.Copy(io.Discard, body); n != 1000 || err != nil {
			t.Errorf("%d bytes came, %v", n, err)
		}
		body.Close()
		_, refusal = l.Body(t.Context(), "a", 500, bodyOf(500))
		if refusal == nil || refusal.Status != 429 || refusal.Reason != limit.ByteRate || refusal.RetryAfter < 5*time.Second || refusal.RetryAfter > 10*time.Second {
			t.Errorf("a tenant without bytes left is answered %+v, want 429 and 5 s or a little more", refusal)
		}
		if _, refusal := l.Body(t.Context(), "b", 500, bodyOf(500)); refusal != nil {
			t.Errorf("another tenant pays: %v", refusal)
		}
		time.Sleep(5 * time.Second)
		if _, refusal := l.Body(t.Context(), "a", 500, bodyOf(500)); refusal != nil {
			t.Errorf("after 5 s there are 500 bytes: %v", refusal)
		}
	})
}

func TestWhatDidNotComeIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bytesASecond()
		for range 50 {
			body, refusal := l.Body(t.Context(), "a", 1000, bodyOf(10))
			if refusal != nil {
				t.Fatalf("bodies that broke off were charged: %v", refusal)
			}
			if _, err := io.Copy(io.Discard, body); err != nil {
				t.Error(err)
			}
			body.Close()
			body.Close()
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		first, _ := l.Body(t.Context(), "a", 500, bodyOf(10))
		if second, refusal := l.Body(t.Context(), "a", 500, bodyOf(10)); second == nil {
			t.Fatal(refusal)
		}
		first.Close()
		first.Close()
		if _, refusal := l.Body(t.Context(), "a", 501, bodyOf(10)); refusal == nil {
			t.Error("a body that was closed twice was given back twice")
		}
		if _, refusal := l.Body(t.Context(), "a", 500, bodyOf(10)); refusal != nil {
			t.Errorf("a body that was closed was not given back: %v", refusal)
		}
	})
}

func TestABodyOfUnknownLengthIsSlowedDownAndNotCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bytesASecond()
		full, _ := l.Body(t.Context(), "a", 1000, bodyOf(1000))
		if _, refusal := l.Body(t.Context(), "a", -1, bodyOf(400)); refusal == nil || refusal.Status != 429 {
			t.Fatalf("a body started with nothing left: %+v", refusal)
		}
		full.Close()
		slow, _ := l.Body(t.Context(), "a", -1, bodyOf(400))
		if other, refusal := l.Body(t.Context(), "a", 999, bodyOf(999)); other == nil {
			t.Fatal("a body does not fit beside one that has not sent yet", refusal)
		}
		start := time.Now()
		n, err := io.Copy(io.Discard, slow)
		if took := time.Since(start); n != 400 || err != nil || took < 3900*time.Millisecond || took > limit.MaxSlowdown {
			t.Errorf("400 bytes at 100 a second: %d came in %s, %v", n, took, err)
		}
	})
}

func TestSlowingDownHasAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(limits(func(c *config.Limits) { c.Tenant.BytesPerSecond, c.Tenant.BodyBytes = 1, 10000 }), "a")
		drain, _ := l.Body(t.Context(), "a", 9998, bodyOf(9998))
		body, refusal := l.Body(t.Context(), "a", -1, io.NopCloser(iotest.OneByteReader(bytes.NewReader(make([]byte, 9000)))))
		if drain == nil || refusal != nil {
			t.Fatal("the first body does not leave a place for the second", refusal)
		}
		start := time.Now()
		n, err := io.Copy(io.Discard, body)
		if took := time.Since(start); n != 9000 || err != nil || took > limit.MaxSlowdown {
			t.Errorf("%d bytes came in %s, %v; want all of them in %s", n, took, err, limit.MaxSlowdown)
		}
		_, refusal = l.Body(t.Context(), "a", -1, bodyOf(1))
		if refusal == nil || refusal.RetryAfter < 50*time.Second || refusal.RetryAfter > 91*time.Second {
			t.Errorf("the debt is not paid by the next body: %+v", refusal)
		}
		time.Sleep(62 * time.Second)
		if _, refusal = l.Body(t.Context(), "a", -1, bodyOf(1)); refusal != nil {
			t.Errorf("a debt lasts longer than a minute: %v", refusal)
		}
	})
}

func TestAnEndedRequestWaitsForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(limits(func(c *config.Limits) { c.Tenant.BytesPerSecond, c.Tenant.BodyBytes = 1, 100 }), "a")
		if drain, refusal := l.Body(t.Context(), "a", 98, bodyOf(98)); drain == nil {
			t.Fatal(refusal)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		body, refusal := l.Body(ctx, "a", -1, bodyOf(50))
		if refusal != nil {
			t.Fatal(refusal)
		}
		start := time.Now()
		_, err := io.Copy(io.Discard, body)
		if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took != time.Second {
			t.Errorf("reading ended after %s with %v", took, err)
		}
	})
}

func TestInflatedIsTooLarge(t *testing.T) {
	for name, test := range map[string]struct {
		size, want int
		refused    bool
	}{
		"smaller":      {9, 9, false},
		"fits exactly": {10, 10, false},
		"a byte more":  {11, 10, true},
		"a bomb":       {1 << 20, 10, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := limit.Inflated(bodyOf(test.size), 10)
			got, err := io.ReadAll(r)
			var refusal *limit.Refusal
			if errors.As(err, &refusal) != test.refused || len(got) != test.want {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if refusal != nil && (refusal.Status != 413 || refusal.Reason != limit.InflatedSize) {
				t.Errorf("refused with %+v", refusal)
			}
			if n, again := r.Read(make([]byte, 5)); test.refused && (n != 0 || !errors.Is(again, err)) {
				t.Errorf("a further read gives %d bytes, %v", n, again)
			}
		})
	}
}

func BenchmarkBody(b *testing.B) {
	l := limiter(limits(func(c *config.Limits) { c.Tenant.BytesPerSecond = 1 << 40 }), "a")
	payload, buffer := make([]byte, 50_000), make([]byte, 32<<10)
	for name, length := range map[string]int64{"known length": 50_000, "unknown length": -1} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			source := bytes.NewReader(payload)
			for b.Loop() {
				source.Reset(payload)
				body, refusal := l.Body(b.Context(), "a", length, io.NopCloser(source))
				if refusal != nil {
					b.Fatal(refusal)
				}
				for {
					if _, err := body.Read(buffer); err != nil {
						break
					}
				}
				body.Close()
			}
		})
	}
}
