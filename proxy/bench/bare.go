package main

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/http/pprof"
	"net/url"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// bareCommand makes this program the baseline: bench serve-bare ADDRESS ADMIN UPSTREAM FOLDER.
const bareCommand = "serve-bare"

// buffers keeps the reverse proxy's copy buffers. A channel holds as many as there are connections.
type buffers chan []byte

func (b buffers) Get() []byte {
	select {
	case buffer := <-b:
		return buffer
	default:
		return make([]byte, 32<<10)
	}
}

func (b buffers) Put(buffer []byte) {
	select {
	case b <- buffer:
	default:
	}
}

// serveBare is what one writes without thinking of cost, but with a sensible transport: no token, no limit, no metric.
func serveBare(args []string) error {
	if len(args) != 4 {
		return fmt.Errorf("%s needs an address, an admin address, an upstream and a folder", bareCommand)
	}
	upstream, err := url.Parse(args[2])
	if err != nil {
		return err
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:    func(r *httputil.ProxyRequest) { r.SetURL(upstream) },
		Transport:  &http.Transport{MaxIdleConnsPerHost: 512, IdleConnTimeout: time.Minute, DisableCompression: true},
		BufferPool: make(buffers, 512),
	}
	go func() {
		mux := http.NewServeMux()
		mux.Handle("/metrics", promhttp.Handler())
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		admin := &http.Server{Addr: args[1], Handler: mux, ReadHeaderTimeout: time.Second}
		_ = admin.ListenAndServe()
	}()
	server := &http.Server{
		Addr: args[0], Handler: proxy, ReadHeaderTimeout: 10 * time.Second,
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12},
	}
	return server.ListenAndServeTLS(filepath.Join(args[3], "tls.crt"), filepath.Join(args[3], "tls.key"))
}
