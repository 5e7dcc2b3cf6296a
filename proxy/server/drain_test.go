package server_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opsgen/opsgen/generator/quantity"
	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/proxytest"
)

// balancer passes connections to the first proxy until it is told to pass them to the next.
type balancer struct {
	listener net.Listener
	proxies  []*proxytest.Proxy
	chosen   atomic.Int64
	work     sync.WaitGroup
}

func newBalancer(t *testing.T, proxies ...*proxytest.Proxy) *balancer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &balancer{listener: listener, proxies: proxies}
	b.work.Go(b.accept)
	t.Cleanup(func() {
		listener.Close()
		b.work.Wait()
	})
	return b
}

func (b *balancer) accept() {
	for {
		client, err := b.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", b.proxies[b.chosen.Load()].PublicAddress)
		if err != nil {
			client.Close()
			continue
		}
		for _, pair := range [][2]net.Conn{{client, server}, {server, client}} {
			go func() {
				_, _ = io.Copy(pair[0], pair[1])
				pair[0].Close()
				pair[1].Close()
			}()
		}
	}
}

// A rolling restart is one proxy that ends while another is there. Requests are POSTs, which no client sends again by
// itself.
func TestARollingRestartFailsNoRequest(t *testing.T) {
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := proxytest.Options{Config: func(c *config.Config) {
				c.Timeouts.DrainDelay = quantity.Duration(6 * time.Second) // fifty requests have to pass meanwhile, on a busy machine too
				c.Log.AccessSample = 0
				// Clients send as fast as they can, which on a quick machine is more than a tenant may by default.
				c.Limits.Tenant.RequestsPerSecond = 1_000_000
			}}
			old := proxytest.Start(t, options)
			next := proxytest.Start(t, options)
			b := newBalancer(t, old, next)
			// Both trust the same keys, as replicas do.
			next.Reload(t, proxytest.KeysFile, oldKeys(t, old))
			token := old.Token(t, proxytest.Payments, nil, config.MetricsWrite)

			stop := make(chan struct{})
			var load sync.WaitGroup
			var sent, failed atomic.Int64
			for range 8 {
				client := balanced(t, b, http2)
				load.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
						}
						if problem := push(client, token); problem != "" {
							failed.Add(1)
							t.Error(problem)
							return
						}
						sent.Add(1)
					}
				})
			}
			proxytest.Eventually(t, "requests flow", func() bool { return sent.Load() > 50 })
			old.Stop()
			// The balancer has not noticed yet. kube-proxy leads new connections to an ending pod only while it is ready.
			ending := sent.Load()
			proxytest.Eventually(t, "requests flow to a proxy that ends", func() bool { return sent.Load() > ending+50 || failed.Load() > 0 })
			if !old.Ready() {
				t.Error("a proxy that takes connections is not ready")
			}
			b.chosen.Store(1)
			<-old.Ended()
			if err := old.Err(); err != nil {
				t.Errorf("the old proxy ended with %v", err)
			}
			after := sent.Load()
			proxytest.Eventually(t, "requests flow to the next proxy", func() bool { return sent.Load() > after+50 || failed.Load() > 0 })
			close(stop)
			load.Wait()
			if len(next.Requests()) == 0 {
				t.Error("nothing reached the next proxy")
			}
		})
	}
}

func push(client *http.Client, token string) string {
	request, err := http.NewRequest(http.MethodPost, "https://"+metricsHost+"/api/v1/push", strings.NewReader("samples"))
	if err != nil {
		return err.Error()
	}
	request.GetBody = nil // so that the client cannot send it again by itself
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := client.Do(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err.Error()
	}
	if response.StatusCode != http.StatusOK {
		return response.Status
	}
	return ""
}

func balanced(t *testing.T, b *balancer, http2 bool) *http.Client {
	t.Helper()
	client := b.proxies[0].Client(t, http2)
	transport := client.Transport.(*http.Transport)
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, b.listener.Addr().String())
	}
	// The two proxies have authorities of their own; which one answers is not what is tested.
	transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	return client
}

func oldKeys(t *testing.T, p *proxytest.Proxy) []byte {
	t.Helper()
	keys, err := os.ReadFile(filepath.Join(p.Folder, proxytest.KeysFile))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestAQueryMayFinishWhileTheProxyEnds(t *testing.T) {
	started, finish := make(chan struct{}), make(chan struct{})
	p := proxytest.Start(t, proxytest.Options{Answer: func(_ string, w http.ResponseWriter, _ *http.Request) {
		close(started)
		<-finish
		_, _ = io.WriteString(w, "late")
	}})
	token := p.Token(t, proxytest.Payments, nil, config.MetricsRead)
	answered := make(chan string, 1)
	client := p.Client(t, true)
	go func() {
		_, text := call(t, client, http.MethodGet, "https://"+metricsHost+"/prometheus/api/v1/query?query=up", token, "")
		answered <- text
	}()
	<-started
	p.Stop()
	proxytest.Eventually(t, "the proxy is not ready any more", func() bool { return !p.Ready() })
	close(finish)
	if text := <-answered; text != "late" {
		t.Errorf("the query got %q", text)
	}
	<-p.Ended()
	if p.Err() != nil {
		t.Errorf("the proxy ended with %v", p.Err())
	}
}
