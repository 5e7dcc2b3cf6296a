package source

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/mod/module"
)

// goEnvironment answers as the go command would: the process's environment, then the file of `go env -w`.
func goEnvironment() func(string) string {
	read := sync.OnceValue(goEnvironmentFile)
	return func(key string) string {
		if value := os.Getenv(key); value != "" {
			return value
		}
		return read()[key]
	}
}

// goEnvironmentFile is empty where the file cannot be read: the defaults are good then.
func goEnvironmentFile() map[string]string {
	file := os.Getenv("GOENV")
	if file == "" {
		dir, err := os.UserConfigDir()
		if err != nil {
			return nil
		}
		file = filepath.Join(dir, "go", "env")
	}
	text, err := os.ReadFile(file)
	if file == "off" || err != nil {
		return nil
	}
	values := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if key, value, found := strings.Cut(strings.TrimSpace(line), "="); found && !strings.HasPrefix(key, "#") {
			values[key] = value
		}
	}
	return values
}

// settings are the go command's variables as far as they matter here.
type settings struct {
	proxies []endpoint
	// noProxy and noSum are patterns of module paths, as in GOPRIVATE.
	noProxy, noSum string
	sumDatabase    string
}

// endpoint is one entry of GOPROXY.
type endpoint struct {
	// url is nil for "off" and "direct", which word then is.
	url  *url.URL
	word string
	// onAnyError goes on with the next entry whatever is wrong, rather than only when the module is not there.
	onAnyError bool
}

const (
	defaultProxies     = "https://proxy.golang.org,direct"
	defaultSumDatabase = "sum.golang.org"
)

func readSettings(get func(string) string) (settings, error) {
	or := func(values ...string) string {
		for _, value := range values {
			if value != "" {
				return value
			}
		}
		return ""
	}
	private := get("GOPRIVATE")
	s := settings{
		noProxy:     or(get("GONOPROXY"), private),
		noSum:       or(get("GONOSUMDB"), private),
		sumDatabase: or(get("GOSUMDB"), defaultSumDatabase),
	}
	if get("GONOSUMCHECK") != "" {
		s.sumDatabase = "off"
	}
	var err error
	s.proxies, err = parseProxies(or(get("GOPROXY"), defaultProxies))
	return s, err
}

// withoutProxy says whether the go command would not ask a proxy for the module.
func (s settings) withoutProxy(path string) bool { return module.MatchPrefixPatterns(s.noProxy, path) }

// withoutSum says whether the go command would not ask the checksum database about the module.
func (s settings) withoutSum(path string) bool {
	return s.sumDatabase == "off" || module.MatchPrefixPatterns(s.noSum, path)
}

// parseProxies reads GOPROXY. A message never repeats an entry: it may hold a password.
func parseProxies(text string) ([]endpoint, error) {
	var list []endpoint
	for text != "" {
		entry, rest := text, ""
		anyError := false
		if i := strings.IndexAny(text, ",|"); i >= 0 {
			entry, rest, anyError = text[:i], text[i+1:], text[i] == '|'
		}
		text = rest
		entry = strings.TrimSpace(entry)
		switch entry {
		case "":
			continue
		case "off", "direct":
			return append(list, endpoint{word: entry}), nil
		}
		if strings.ContainsAny(entry, ".:/") && !strings.Contains(entry, ":/") && !filepath.IsAbs(entry) {
			entry = "https://" + entry
		}
		address, err := url.Parse(entry)
		if err != nil {
			return nil, fmt.Errorf("GOPROXY: entry %d is not an address", len(list)+1)
		}
		switch address.Scheme {
		case "https", "http", "file":
		default:
			return nil, fmt.Errorf("GOPROXY: entry %d has scheme %q; write https, http or file", len(list)+1, address.Scheme)
		}
		list = append(list, endpoint{url: address, onAnyError: anyError})
	}
	if len(list) == 0 {
		return nil, errors.New("GOPROXY is set but names no proxy")
	}
	return list, nil
}

// shown is an address as it may be printed: without user, password and query.
func shown(address *url.URL) string {
	clean := url.URL{Scheme: address.Scheme, Host: address.Host, Path: address.Path}
	return clean.String()
}
