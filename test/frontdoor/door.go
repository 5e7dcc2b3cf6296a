package frontdoor

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// answerLimit bounds what is read of an answer.
const answerLimit = 64 << 20

// A Door is the way into a cluster's bundle.
type Door struct {
	// Domain is the cluster's domain: metrics are at metrics.<Domain>.
	Domain string
	// Address is the load balancer's.
	Address string
	// Authorities sign its certificate.
	Authorities *x509.CertPool

	client *http.Client
}

// Find finds the door of the bundle in a cluster: the address of the Service proxy/proxy, and the authority of its
// certificate, which is in the Secret that cert-manager wrote.
func Find(ctx context.Context, client kubernetes.Interface, domain string) (*Door, error) {
	service, err := client.CoreV1().Services("proxy").Get(ctx, "proxy", meta.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("finding the front door: %w", err)
	}
	ingress := service.Status.LoadBalancer.Ingress
	if len(ingress) == 0 {
		return nil, errors.New("finding the front door: the load balancer has no address")
	}
	secret, err := client.CoreV1().Secrets("proxy").Get(ctx, "proxy-tls", meta.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("finding the front door's certificate: %w", err)
	}
	d := &Door{Domain: domain, Address: ingress[0].IP, Authorities: x509.NewCertPool()}
	if !d.Authorities.AppendCertsFromPEM(secret.Data["ca.crt"]) {
		return nil, errors.New("finding the front door: its certificate names no authority")
	}
	d.client = d.newClient(func(t *http.Transport) { t.ForceAttemptHTTP2 = true })
	return d, nil
}

func (d *Door) newClient(set func(*http.Transport)) *http.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	transport := &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: d.Authorities, MinVersion: tls.VersionTLS12},
		MaxIdleConnsPerHost: 16,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, net.JoinHostPort(d.Address, "443"))
		},
	}
	set(transport)
	return &http.Client{Timeout: time.Minute, Transport: transport}
}

// with is the same door with connections of its own.
func (d *Door) with(set func(*http.Transport)) *Door {
	other := *d
	other.client = d.newClient(set)
	return &other
}

// HTTP2 is the same door with an HTTP/2 connection of its own, which is kept.
func (d *Door) HTTP2() *Door { return d.with(func(t *http.Transport) { t.ForceAttemptHTTP2 = true }) }

// HTTP1 is the same door with HTTP/1.1 connections of its own, which are kept.
func (d *Door) HTTP1() *Door { return d.with(func(*http.Transport) {}) }

// Fresh is the same door with a new connection for each request.
func (d *Door) Fresh() *Door { return d.with(func(t *http.Transport) { t.DisableKeepAlives = true }) }

// Certificate answers the certificate that the door shows for a name, verified.
func (d *Door) Certificate(ctx context.Context, name string) (*x509.Certificate, error) {
	dialer := &tls.Dialer{Config: &tls.Config{RootCAs: d.Authorities, ServerName: name, MinVersion: tls.VersionTLS12}}
	connection, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(d.Address, "443"))
	if err != nil {
		return nil, fmt.Errorf("looking at the certificate of %s: %w", name, err)
	}
	defer func() { _ = connection.Close() }()                                // It was only looked at.
	return connection.(*tls.Conn).ConnectionState().PeerCertificates[0], nil //nolint:forcetypeassert // A TLS dialer's.
}

// A Status is an answer that is no success.
type Status struct {
	Code int
	Body string
}

func (s *Status) Error() string { return fmt.Sprintf("status %d: %s", s.Code, s.Body) }

// Do sends a request to a host of the domain ("metrics") and answers the body of a 2xx; another status is a *Status.
func (d *Door) Do(ctx context.Context, method, host, path, token string, header http.Header, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, "https://"+host+"."+d.Domain+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", host, err)
	}
	if header != nil {
		request.Header = header.Clone()
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := d.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", host, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, answerLimit))
	if err != nil {
		return nil, fmt.Errorf("reading the answer of %s: %w", host, err)
	}
	if response.StatusCode/100 != 2 {
		return nil, &Status{Code: response.StatusCode, Body: string(answer[:min(len(answer), 500)])}
	}
	return answer, nil
}
