package fluxprocess

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// openGate serves an HTTPS proxy on a loopback address that leads every host to the Git server. So a GitRepository of
// github.com stays as it is rendered, and the controllers, which know no other way, reach nothing of the internet: a test
// must neither depend on it nor disturb anybody there.
func openGate(ctx context.Context, address, git string) (*http.Server, string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		return nil, "", fmt.Errorf("opening the way to Git: %w", err)
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(w, "this leads to the bed's Git server only, by CONNECT", http.StatusForbidden)
			return
		}
		if err := join(r.Context(), w, git); err != nil {
			slog.Error("the way to Git", "error", err)
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	})}
	go func() { _ = server.Serve(listener) }() // It ends by Close.
	return server, "http://" + listener.Addr().String(), nil
}

// join connects a caller with the Git server until both have ended.
func join(ctx context.Context, w http.ResponseWriter, git string) error {
	there, err := (&net.Dialer{}).DialContext(ctx, "tcp", git)
	if err != nil {
		return fmt.Errorf("reaching the Git server: %w", err)
	}
	defer func() { _ = there.Close() }()
	here, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return fmt.Errorf("taking over the connection: %w", err)
	}
	defer func() { _ = here.Close() }()
	if _, err := io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return nil //nolint:nilerr // The caller has gone, and nobody is left to tell.
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = io.Copy(there, buffered) // Who hangs up first is no error.
		if c, ok := there.(*net.TCPConn); ok {
			_ = c.CloseWrite()
		}
	}()
	_, _ = io.Copy(here, there)
	_ = here.Close()
	<-sent
	return nil
}
