package syncertest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// patience is how long anything may take that is waited for.
const patience = 90 * time.Second

// start runs a program until the test ends; what it writes is shown if the test fails.
func start(t *testing.T, folder, name, path string, args ...string) *exec.Cmd {
	t.Helper()
	log, err := os.Create(filepath.Join(folder, name+".log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Args[0] = name // one program has several names
	// Cortex keeps a list of its queries where it runs.
	cmd.Dir = folder
	cmd.Stdout, cmd.Stderr = log, log
	// A test that is killed leaves no program behind.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		<-ended
		_ = log.Close()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("%s ended with:\n%s", name, text[max(0, len(text)-6000):])
		}
	})
	return cmd
}

// given is the port that was given last. It stays below those that systems give to connections (32768 and more on Linux),
// so that none takes a port between its choice and the start of the program that will listen.
var given atomic.Int32

// port is a free port of the loopback address, which is given only once.
func port(t *testing.T) int {
	t.Helper()
	given.CompareAndSwap(0, 20_000+rand.Int32N(10_000)) //nolint:gosec // no secret
	for range 1000 {
		candidate := int(given.Add(1))
		if listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", candidate)); err == nil {
			_ = listener.Close()
			return candidate
		}
	}
	t.Fatal("no port is free")
	return 0
}

// eventually waits for a condition; its error says what is still missing.
func eventually(t *testing.T, what string, check func(ctx context.Context) error) {
	t.Helper()
	patiently(t, patience, what, check)
}

// patiently is eventually with another limit.
func patiently(t *testing.T, limit time.Duration, what string, check func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for {
		err := check(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within %s: %v", what, limit, err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// answers waits for a URL to answer 200.
func answers(t *testing.T, what, url string) {
	t.Helper()
	eventually(t, what+" answers", func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s", response.Status)
		}
		return nil
	})
}

// write writes a file of the test's folder and answers its path.
func write(t *testing.T, folder, name, text string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
