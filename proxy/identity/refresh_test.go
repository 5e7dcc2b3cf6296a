package identity_test

import (
	"bytes"
	"context"
	"crypto"
	"net/http"
	"runtime"
	"strings"
	"sync"
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
		"a redirect":          func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
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
	mine, other := newAPIServer(t), newAPIServer(t)
	mine.settings.APIServer = other.http.URL
	mine.settings.CAFile = mine.settings.TokenFile // no authority at all
	accounts, err := identity.NewServiceAccounts(mine.settings, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := accounts.Authenticate(accountToken(t, "shop", "agent", nil)); reason(err) != "unavailable" {
		t.Errorf("without keys: %v", err)
	}
	if other.asked.Load() != 0 || accounts.Ready() {
		t.Error("a server that nobody vouches for was asked")
	}
}

func TestASlowServerHoldsNobodyForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &fakeServer{}
		server.set(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, nil)
		accounts := inMemory(t, server, nil)
		start := time.Now()
		var waiting sync.WaitGroup
		for range 500 {
			waiting.Go(func() {
				if _, err := accounts.Authenticate("a.b.c"); reason(err) != "unavailable" {
					t.Errorf("without keys: %v", err)
				}
			})
		}
		waiting.Wait()
		if took := time.Since(start); took > 6*time.Second || server.asked.Load() != 1 {
			t.Errorf("500 requests waited for %s and asked %d times", took, server.asked.Load())
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
