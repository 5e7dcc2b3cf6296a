// Grafana-standin answers in Grafana's place, whose current versions cannot be built from modules. It honours what the
// manifests give it: grafana.ini, provisioned data sources, dashboards' folders, the port, the probe, the folders it may
// write to; and the calls that tests make through it. It draws nothing, and it only looks whether somebody is named in the
// header with the token, so it proves nothing about Grafana's own log-in.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sigs.k8s.io/yaml"
)

type datasource struct {
	Name      string `json:"name"`
	Type      string `json:"type"`
	UID       string `json:"uid"`
	URL       string `json:"url"`
	IsDefault bool   `json:"isDefault"`
}

type grafana struct {
	settings    map[string]string // "section.key" of grafana.ini
	datasources []datasource
	dashboards  []string // titles
}

func main() {
	if err := run(); err != nil {
		slog.Error("grafana stand-in ends", "error", err)
		os.Exit(1)
	}
}

func run() error {
	path := os.Getenv("GF_PATHS_CONFIG")
	if path == "" {
		path = "/etc/grafana/grafana.ini"
	}
	g, err := load(path)
	if err != nil {
		return err
	}
	// Grafana keeps its database there: a volume that cannot be written must fail here as it does there.
	data := g.setting("paths.data", "/var/lib/grafana")
	if err := os.WriteFile(filepath.Join(data, "grafana.db"), []byte("stand-in\n"), 0o600); err != nil {
		return fmt.Errorf("the data folder: %w", err)
	}
	address := g.setting("server.http_addr", "") + ":" + g.setting("server.http_port", "3000")
	slog.Info("grafana stand-in listens", "address", address, "datasources", len(g.datasources), "dashboards", len(g.dashboards))
	server := &http.Server{Addr: address, Handler: g.handler(), ReadHeaderTimeout: 10 * time.Second}
	return server.ListenAndServe()
}

func load(path string) (*grafana, error) {
	g := &grafana{}
	var err error
	if g.settings, err = readINI(path); err != nil {
		return nil, err
	}
	provisioning := g.setting("paths.provisioning", "/etc/grafana/provisioning")
	var sources struct {
		Datasources []datasource `json:"datasources"`
	}
	if err := readYAML(filepath.Join(provisioning, "datasources", "*.yaml"), func(data []byte) error {
		sources.Datasources = nil
		err := yaml.Unmarshal(data, &sources)
		g.datasources = append(g.datasources, sources.Datasources...)
		return err
	}); err != nil {
		return nil, err
	}
	err = readYAML(filepath.Join(provisioning, "dashboards", "*.yaml"), g.readProviders)
	return g, err
}

func (g *grafana) readProviders(data []byte) error {
	var file struct {
		Providers []struct {
			Options struct {
				Path string `json:"path"`
			} `json:"options"`
		} `json:"providers"`
	}
	if err := yaml.Unmarshal(data, &file); err != nil {
		return err
	}
	for _, p := range file.Providers {
		if err := readYAML(filepath.Join(p.Options.Path, "*.json"), func(data []byte) error {
			var dashboard struct {
				Title string `json:"title"`
			}
			err := json.Unmarshal(data, &dashboard)
			g.dashboards = append(g.dashboards, dashboard.Title)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// readYAML gives every file of a pattern to read, in the order of their names.
func readYAML(pattern string, read func([]byte) error) error {
	paths, err := filepath.Glob(pattern)
	if err != nil {
		return err
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := read(data); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// setting answers a setting as Grafana does: GF_SECTION_KEY of the environment wins over the file.
func (g *grafana) setting(name, otherwise string) string {
	variable := "GF_" + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(name))
	if value, ok := os.LookupEnv(variable); ok {
		return value
	}
	if value, ok := g.settings[name]; ok {
		return value
	}
	return otherwise
}

func readINI(path string) (map[string]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	settings, section := map[string]string{}, ""
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if name, ok := strings.CutPrefix(line, "["); ok {
			section = strings.TrimSuffix(name, "]")
			continue
		}
		if key, value, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, ";") && !strings.HasPrefix(line, "#") {
			settings[section+"."+strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return settings, nil
}

func (g *grafana) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/health", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]string{"database": "ok", "version": "stand-in"})
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "# TYPE grafana_build_info gauge\ngrafana_build_info{edition=\"stand-in\"} 1\n")
	})
	mux.Handle("GET /api/datasources", g.named(func(w http.ResponseWriter, _ *http.Request) { answer(w, g.datasources) }))
	mux.Handle("GET /api/search", g.named(func(w http.ResponseWriter, _ *http.Request) { answer(w, g.dashboards) }))
	mux.Handle("/api/datasources/proxy/uid/{uid}/{rest...}", g.named(g.forward))
	mux.Handle("GET /{$}", g.named(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "<!doctype html><title>Grafana stand-in</title>This stands in for Grafana.")
	}))
	return mux
}

// named refuses whoever comes without the header that the configuration expects.
func (g *grafana) named(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := g.setting("auth.jwt.header_name", "X-JWT-Assertion")
		if g.setting("auth.jwt.enabled", "false") == "true" && r.Header.Get(header) == "" {
			http.Error(w, `{"message":"Unauthorized"}`, http.StatusUnauthorized)
			return
		}
		next(w, r)
	})
}

// forward calls a data source as Grafana's back end does: without the caller's cookies and credentials.
func (g *grafana) forward(w http.ResponseWriter, r *http.Request) {
	for _, d := range g.datasources {
		if d.UID != r.PathValue("uid") {
			continue
		}
		target, err := url.Parse(d.URL)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		(&httputil.ReverseProxy{Rewrite: func(out *httputil.ProxyRequest) {
			out.Out.URL.Path, out.Out.URL.RawPath = "/"+r.PathValue("rest"), ""
			out.SetURL(target)
			for _, name := range []string{"Authorization", "Cookie", g.setting("auth.jwt.header_name", "X-JWT-Assertion")} {
				out.Out.Header.Del(name)
			}
		}}).ServeHTTP(w, r)
		return
	}
	http.Error(w, "no such data source", http.StatusNotFound)
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	// The client is gone when this fails.
	_ = json.NewEncoder(w).Encode(value)
}
