package identity_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/identity"
	"github.com/opsgen/opsgen/proxy/token"
)

func down(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }

func rotated(t testing.TB) string {
	return accountToken(t, "shop", "agent", func(a *account) { a.header["kid"], a.key, a.method = "new", newKey(), jwt.SigningMethodES256 })
}

// The server's faults, over real TLS: the known keys stay in use, and the next good answer is taken.
func TestFaultsOfTheAPIServer(t *testing.T) {
	for name, fault := range map[string]http.HandlerFunc{
		"an error":     down,
		"garbage":      func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"an empty set": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"keys":[]}`)) },
		"no set":       func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`[]`)) },
		"unusable keys": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"keys":[{"kty":"oct","kid":"new","k":"AAAA"},7]}`))
		},
		"a closed connection": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"a redirect to good keys": func(w http.ResponseWriter, r *http.Request) {
			if r.URL.RawQuery == "" {
				http.Redirect(w, r, r.URL.Path+"?elsewhere", http.StatusFound)
				return
			}
			_, _ = w.Write(keySet(map[string]crypto.PublicKey{"new": newKey().Public()}))
		},
		"good keys in a huge answer": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(keySet(map[string]crypto.PublicKey{"new": newKey().Public()}))
			_, _ = w.Write(bytes.Repeat([]byte(" "), 2<<20))
		},
		"an endless answer": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"keys":[`))
			for block := bytes.Repeat([]byte(" "), 1<<16); ; {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		},
		"one name twice": func(w http.ResponseWriter, _ *http.Request) {
			one := strings.TrimSuffix(strings.TrimPrefix(string(keySet(map[string]crypto.PublicKey{"new": newKey().Public()})), `{"keys":[`), "]}")
			_, _ = w.Write([]byte(`{"keys":[` + one + "," + one + "]}"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := newAPIServer(t)
			var seen []error
			accounts, err := identity.NewServiceAccounts(server.settings, nil)
			if err != nil {
				t.Fatal(err)
			}
			accounts.Observe = func(err error) { seen = append(seen, err) }
			accounts.SetCallers(callers())
			once(t, accounts)
			server.set(fault, map[string]crypto.PublicKey{"new": newKey().Public()})
			once(t, accounts)
			if len(seen) != 2 || seen[0] != nil || seen[1] == nil {
				t.Fatalf("the fetches ended with %v, want one good and one bad", seen)
			}
			if strings.Contains(seen[1].Error(), "own-token") {
				t.Errorf("the error shows the proxy's token: %v", seen[1])
			}
			if _, err := accounts.Authenticate(accountToken(t, "shop", "agent", nil)); err != nil {
				t.Errorf("the known keys are not in use any more: %v", err)
			}
			server.set(nil, nil)
			if _, err := accounts.Authenticate(rotated(t)); err != nil {
				t.Errorf("after the fault: %v", err)
			}
			if _, err := accounts.Authenticate(accountToken(t, "shop", "agent", nil)); reason(err) != token.ReasonUnknownKey {
				t.Errorf("a key that was withdrawn is still good: %v", err)
			}
		})
	}
}

// once lets Run fetch once.
func once(t *testing.T, accounts *identity.ServiceAccounts) {
	t.Helper()
	before := accounts.Observe
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	accounts.Observe = func(err error) { before(err); cancel() }
	if err := accounts.Run(ctx); err != nil {
		t.Error(err)
	}
	accounts.Observe = before
}

func TestAForeignServerIsNotBelieved(t *testing.T) {
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	foreign, err := x509.CreateCertificate(rand.Reader, template, template, ecKey().Public(), ecKey())
	if err != nil {
		t.Fatal(err)
	}
	for name, authorities := range map[string]string{
		"another authority":   string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: foreign})),
		"no authority at all": "none",
	} {
		t.Run(name, func(t *testing.T) {
			server := newAPIServer(t)
			right, err := os.ReadFile(server.settings.CAFile)
			if err != nil {
				t.Fatal(err)
			}
			write(t, server.settings.CAFile, authorities)
			var seen []error
			accounts, err := identity.NewServiceAccounts(server.settings, nil)
			if err != nil {
				t.Fatal(err)
			}
			accounts.Observe = func(err error) { seen = append(seen, err) }
			once(t, accounts)
			if len(seen) != 1 || seen[0] == nil || server.asked.Load() != 0 || accounts.Ready() {
				t.Errorf("a server that nobody vouches for was asked: %v", seen)
			}
			// The kubelet writes the right authority a little later.
			write(t, server.settings.CAFile, string(right))
			once(t, accounts)
			if !accounts.Ready() {
				t.Errorf("an authority that was renewed is not read: %v", seen)
			}
		})
	}
}

func TestAGivenClientFollowsNoRedirect(t *testing.T) {
	server := &fakeServer{}
	server.set(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "" {
			http.Redirect(w, r, r.URL.Path+"?elsewhere", http.StatusFound)
			return
		}
		_, _ = w.Write(keySet(map[string]crypto.PublicKey{"rsa": rsaKey().Public()}))
	}, nil)
	accounts := inMemory(t, server, nil)
	if _, err := accounts.Authenticate(accountToken(t, "shop", "agent", nil)); reason(err) != "unavailable" {
		t.Errorf("the proxy's token went where the server sent it: %v", err)
	}
}

func TestASlowServerHoldsFewAndNotForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeServer{}
		server.set(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, nil)
		accounts := inMemory(t, server, nil)
		start := time.Now()
		var waiting sync.WaitGroup
		var longest, waited atomic.Int64
		for range 500 {
			waiting.Go(func() {
				if _, err := accounts.Authenticate("a.b.c"); reason(err) != "unavailable" {
					t.Errorf("without keys: %v", err)
				}
				if took := int64(time.Since(start)); took > 0 {
					waited.Add(1)
					longest.Store(took)
				}
			})
		}
		waiting.Wait()
		if longest.Load() > int64(6*time.Second) || waited.Load() > 100 || server.asked.Load() != 1 {
			t.Errorf("%d of 500 requests waited up to %s, and asked %d times", waited.Load(), time.Duration(longest.Load()), server.asked.Load())
		}
	})
}

func TestAnUnknownKeyAsksAtMostEveryTenSeconds(t *testing.T) {
	rsaKey()
	synctest.Test(t, func(t *testing.T) {
		server := &fakeServer{keys: map[string]crypto.PublicKey{"rsa": rsaKey().Public()}}
		accounts := inMemory(t, server, nil)
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = accounts.Run(ctx) })
		synctest.Wait()
		before := server.asked.Load()
		for range 60 {
			for range 20 {
				if _, err := accounts.Authenticate(rotated(t)); reason(err) != token.ReasonUnknownKey {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Second)
		}
		if asked := server.asked.Load() - before; asked < 5 || asked > 6 {
			t.Errorf("a minute of unknown keys asked the API server %d times, want every ten seconds", asked)
		}
		server.set(nil, map[string]crypto.PublicKey{"new": newKey().Public()})
		time.Sleep(10 * time.Second)
		if _, err := accounts.Authenticate(rotated(t)); err != nil {
			t.Errorf("a new key is not taken: %v", err)
		}
		cancel()
		running.Wait()
	})
}

func TestRunAsksRegularlyAndSurvivesAnOutage(t *testing.T) {
	rsaKey()
	synctest.Test(t, func(t *testing.T) {
		server := &fakeServer{keys: map[string]crypto.PublicKey{"rsa": rsaKey().Public()}}
		server.set(down, nil)
		failed := 0
		accounts := inMemory(t, server, func(err error) {
			if err != nil {
				failed++
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = accounts.Run(ctx) })
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if accounts.Ready() || failed < 4 || failed > 7 {
			t.Errorf("20 s without an API server: %d attempts, ready: %v", failed, accounts.Ready())
		}
		server.set(nil, nil)
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if !accounts.Ready() {
			t.Error("the keys are not known although the API server answers")
		}
		before := server.asked.Load()
		time.Sleep(time.Hour)
		if asked := server.asked.Load() - before; asked < 10 || asked > 14 {
			t.Errorf("an hour asked %d times, want every 5 minutes", asked)
		}
		server.set(down, nil)
		time.Sleep(24 * time.Hour)
		if _, err := accounts.Authenticate(accountToken(t, "shop", "agent", nil)); err != nil {
			t.Errorf("after a day without an API server: %v", err)
		}
		cancel()
		running.Wait()
	})
}

func TestEqualKeysKeepWhatIsRemembered(t *testing.T) {
	rsaKey()
	synctest.Test(t, func(t *testing.T) {
		accounts := inMemory(t, &fakeServer{keys: map[string]crypto.PublicKey{"rsa": rsaKey().Public()}}, nil)
		if _, err := accounts.Authenticate(accountToken(t, "shop", "agent", nil)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		_ = accounts.Run(ctx)
		if accounts.Remembered() != 1 {
			t.Error("fetching the same keys made it verify everything again")
		}
	})
}

func TestNothingIsLeftRunning(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("server", func(t *testing.T) {
		server := newAPIServer(t)
		accounts := server.accounts(t)
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = accounts.Run(ctx) })
		for range 20 {
			running.Go(func() { _, _ = accounts.Authenticate(rotated(t)) })
		}
		for deadline := time.Now().Add(5 * time.Second); server.asked.Load() < 2 && time.Now().Before(deadline); {
			runtime.Gosched()
		}
		cancel()
		running.Wait()
	})
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(deadline); {
		runtime.Gosched()
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines before and %d after", before, after)
	}
}

func TestSettingsThatCannotWork(t *testing.T) {
	for name, c := range map[string]config.ServiceAccounts{
		"no audience": {APIServer: "https://api"},
		"no server":   {Audience: "opsgen-proxy"},
		"no host":     {Audience: "opsgen-proxy", APIServer: "https://"},
		"a path":      {Audience: "opsgen-proxy", APIServer: "/api"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := identity.NewServiceAccounts(c, nil); err == nil {
				t.Error("not refused")
			}
		})
	}
}
