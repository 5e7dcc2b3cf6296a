package frontdoor

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// authority gives a transport that trusts what a file holds now.
type authority struct {
	file string

	mutex     sync.Mutex
	text      string
	transport *http.Transport
}

// current reads the file, at each request: there are few of them. A file that cannot be read while it is replaced leaves
// the authority before in force.
func (a *authority) current() (*http.Transport, error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	data, err := os.ReadFile(a.file)
	if err == nil && string(data) == a.text && a.transport != nil {
		return a.transport, nil
	}
	pool := x509.NewCertPool()
	if err == nil && !pool.AppendCertsFromPEM(data) {
		err = fmt.Errorf("%s holds no certificate", a.file)
	}
	if err != nil {
		if a.transport != nil {
			return a.transport, nil
		}
		return nil, fmt.Errorf("read the authority of the proxy: %w", err)
	}
	if a.transport != nil {
		a.transport.CloseIdleConnections()
	}
	a.text = string(data)
	a.transport = &http.Transport{
		TLSClientConfig:       &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13},
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          16,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       time.Minute,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: timeout,
	}
	return a.transport, nil
}

// readToken reads the token at each request: the kubelet replaces it when four fifths of its life are over, so that what
// the file holds is always valid for minutes more.
func readToken(file string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read the token for the proxy: %w", err)
	}
	token := strings.TrimSpace(string(data))
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", errors.New("read the token for the proxy: " + file + " holds none")
	}
	return token, nil
}
