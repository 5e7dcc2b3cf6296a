// Gitserver serves the bare repositories of a folder over HTTP or HTTPS with Git's own `git http-backend`, for reading and writing.
// It asks nobody who they are: it listens inside the bed only.
package main

import (
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	address := flag.String("address", "127.0.0.1:3000", "address to listen on")
	root := flag.String("root", ".", "folder of bare repositories")
	certificate := flag.String("certificate", "", "certificate file; without one it serves plain HTTP")
	key := flag.String("key", "", "the certificate's key file")
	flag.Parse()
	if err := run(*address, *root, *certificate, *key); err != nil {
		fmt.Fprintln(os.Stderr, "gitserver:", err)
		os.Exit(1)
	}
}

func run(address, root, certificate, key string) error {
	root, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	programs, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		return fmt.Errorf("finding git's programs: %w", err)
	}
	handler := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(programs)), "git-http-backend"),
		// Git refuses pushes over HTTP by nobody.
		Env:        []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=bed"},
		InheritEnv: []string{"PATH", "HOME"},
	}
	slog.Info("git server listens", "address", address, "root", root)
	server := &http.Server{Addr: address, Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	if certificate == "" {
		return server.ListenAndServe()
	}
	return server.ListenAndServeTLS(certificate, key)
}
