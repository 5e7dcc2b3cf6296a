// Autoscaler-standin answers in the cluster autoscaler's place, which there is no AWS for. It changes no nodes. It asks the
// API server for everything that the autoscaler looks at, with the rights that the manifests give it, takes its lease, and
// answers the probe where the autoscaler would: a role or a network policy that lacks something shows here.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

const credentials = "/var/run/secrets/kubernetes.io/serviceaccount/"

// looks are the lists that the autoscaler watches (the role in its chart, and kubernetes/autoscaler pull request 10278).
const looks = `/api/v1/nodes /api/v1/pods /api/v1/namespaces /api/v1/services /api/v1/replicationcontrollers
	/api/v1/persistentvolumes /api/v1/persistentvolumeclaims /apis/apps/v1/daemonsets /apis/apps/v1/replicasets
	/apis/apps/v1/statefulsets /apis/batch/v1/jobs /apis/policy/v1/poddisruptionbudgets /apis/storage.k8s.io/v1/storageclasses
	/apis/storage.k8s.io/v1/csinodes /apis/storage.k8s.io/v1/csidrivers /apis/storage.k8s.io/v1/csistoragecapacities
	/apis/storage.k8s.io/v1/volumeattachments /apis/resource.k8s.io/v1/resourceslices /apis/resource.k8s.io/v1/resourceclaims
	/apis/resource.k8s.io/v1/deviceclasses`

func main() {
	if err := run(context.Background()); err != nil {
		slog.Error("autoscaler stand-in ends", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	namespace := ""
	for _, argument := range os.Args[1:] {
		if value, ok := strings.CutPrefix(argument, "--namespace="); ok {
			namespace = value
		}
	}
	api, err := connect()
	if err != nil {
		return err
	}
	for _, path := range strings.Fields(looks) {
		if err := api.call(ctx, http.MethodGet, path+"?limit=1", ""); err != nil {
			return err
		}
	}
	lease := `{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"cluster-autoscaler"}}`
	if err := api.call(ctx, http.MethodPost, "/apis/coordination.k8s.io/v1/namespaces/"+namespace+"/leases", lease); err != nil {
		return err
	}
	answer := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "OK") }
	mux := http.NewServeMux()
	mux.HandleFunc("/health-check", answer)
	mux.HandleFunc("/metrics", func(http.ResponseWriter, *http.Request) {})
	slog.Info("autoscaler stand-in sees what it must, and changes nothing")
	server := &http.Server{Addr: ":8085", Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	return server.ListenAndServe()
}

type server struct {
	url, token string
	client     *http.Client
}

func connect() (*server, error) {
	token, err := os.ReadFile(credentials + "token")
	if err != nil {
		return nil, fmt.Errorf("the token: %w", err)
	}
	ca, err := os.ReadFile(credentials + "ca.crt")
	if err != nil {
		return nil, fmt.Errorf("the API server's authority: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return nil, errors.New("the API server's authority is no certificate")
	}
	return &server{
		url:   "https://" + net.JoinHostPort(os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT")),
		token: string(token),
		client: &http.Client{
			Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}},
		},
	}, nil
}

// call is fine with what is there already.
func (s *server) call(ctx context.Context, method, path, body string) error {
	request, err := http.NewRequestWithContext(ctx, method, s.url+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+s.token)
	request.Header.Set("Content-Type", "application/json")
	response, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= http.StatusBadRequest && response.StatusCode != http.StatusConflict {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<12))
		return fmt.Errorf("%s %s: %s: %s", method, path, response.Status, text)
	}
	return nil
}
