package fakecloud

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Kind is how resources of one kind behave.
type Kind struct {
	// Making and Going are how long one takes to become ready, and to go away.
	Making, Going time.Duration
	// Named ones have a name that can be there once; a second one is refused.
	Named bool
	// Tokens says that creating with the same token gives the same resource.
	Tokens bool
	// Makes is what Kubernetes makes by itself, in the same subnet, once one of this kind is ready.
	Makes string
}

// Cloud is the cloud. The zero value is not usable; see New.
type Cloud struct {
	// Kinds are what can be made.
	Kinds map[string]Kind
	// Lag is how long it takes until what was made or deleted shows in lists, and can be referred to.
	Lag time.Duration
	// Throttle refuses each n-th call; 0 none.
	Throttle int
	// Refuse are messages by the opsgen.io/name of what cannot be made ("there is no capacity in zone b").
	Refuse map[string]string

	mu      sync.Mutex
	calls   int
	next    int
	items   []*Item
	objects map[string]object
}

// Item is a resource.
type Item struct {
	ID    string            `json:"id"`
	Kind  string            `json:"kind"`
	Name  string            `json:"name,omitempty"`
	State string            `json:"state"`
	Tags  map[string]string `json:"tags,omitempty"`
	// Refs are IDs of others that this one needs.
	Refs map[string]string `json:"refs,omitempty"`
	// Props are settings.
	Props map[string]string `json:"props,omitempty"`
	Token string            `json:"token,omitempty"`

	made, gone time.Time
	spawned    bool
}

// object is a small file with a version.
type object struct {
	text    []byte
	version string
}

// New is an empty cloud.
func New(kinds map[string]Kind) *Cloud {
	return &Cloud{Kinds: kinds, Lag: 3 * time.Second, objects: map[string]object{}, Refuse: map[string]string{}}
}

// Put puts a resource there, as somebody else would have.
func (c *Cloud) Put(item Item) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	item.made = time.Now().Add(-time.Hour)
	return c.insert(item).ID
}

// Snapshot describes everything that is there, without IDs.
func (c *Cloud) Snapshot() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance()
	names := map[string]string{}
	for _, item := range c.items {
		names[item.ID] = item.Kind + "/" + item.Tags["opsgen.io/name"]
	}
	var lines []string
	for _, item := range c.items {
		var refs []string
		for _, field := range slices.Sorted(maps.Keys(item.Refs)) {
			refs = append(refs, field+"="+names[item.Refs[field]])
		}
		lines = append(lines, fmt.Sprintf("%s %s %s tags %v refs %v props %v", names[item.ID], item.Name, item.State, item.Tags, refs, item.Props))
	}
	for name := range c.objects {
		lines = append(lines, "object "+name)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// ServeHTTP implements http.Handler.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	if c.Throttle > 0 && c.calls%c.Throttle == 0 {
		http.Error(w, "slow down", http.StatusTooManyRequests)
		return
	}
	c.advance()
	kind, id, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case kind == "objects":
		c.serveObject(w, r, id)
	case r.Method == http.MethodGet:
		c.list(w, r, kind)
	case r.Method == http.MethodPost:
		c.create(w, r, kind)
	case r.Method == http.MethodPatch:
		c.change(w, r, id)
	case r.Method == http.MethodDelete:
		c.remove(w, id)
	}
}

// advance lets time pass for everything.
func (c *Cloud) advance() {
	now := time.Now()
	for _, item := range slices.Clone(c.items) {
		kind := c.Kinds[item.Kind]
		if item.State == "creating" && now.Sub(item.made) >= kind.Making {
			item.State = "ready"
		}
		if item.State == "ready" && kind.Makes != "" && !item.spawned {
			item.spawned = true
			c.insert(Item{
				Kind: kind.Makes, State: "ready", made: now,
				Refs: map[string]string{"subnet": item.Refs["subnet"]}, Tags: map[string]string{"made-by": "kubernetes"},
			})
		}
	}
	c.items = slices.DeleteFunc(c.items, func(item *Item) bool {
		return item.State == "deleting" && now.Sub(item.gone) >= c.Kinds[item.Kind].Going
	})
}

func (c *Cloud) insert(item Item) *Item {
	c.next++
	item.ID = fmt.Sprintf("%s-%d", item.Kind, c.next)
	if item.State == "" {
		item.State = "ready"
	}
	c.items = append(c.items, &item)
	return &item
}

// list is what the caller may see: not what is too new.
func (c *Cloud) list(w http.ResponseWriter, r *http.Request, kind string) {
	found := []*Item{}
	for _, item := range c.items {
		if item.Kind == kind && c.visible(item) && matches(item, r) {
			found = append(found, item)
		}
	}
	c.answer(w, http.StatusOK, found)
}

func matches(item *Item, r *http.Request) bool {
	for field, values := range r.URL.Query() {
		if field == "name" && item.Name != values[0] || field != "name" && item.Tags[field] != values[0] {
			return false
		}
	}
	return true
}

func (c *Cloud) visible(item *Item) bool { return time.Since(item.made) >= c.Lag }

func (c *Cloud) create(w http.ResponseWriter, r *http.Request, kind string) {
	var wanted Item
	if err := json.NewDecoder(r.Body).Decode(&wanted); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	behaviour, known := c.Kinds[kind]
	if !known || c.Refuse[wanted.Tags["opsgen.io/name"]] != "" {
		http.Error(w, c.Refuse[wanted.Tags["opsgen.io/name"]], http.StatusForbidden)
		return
	}
	for _, item := range c.items {
		if item.Kind != kind {
			continue
		}
		if behaviour.Tokens && wanted.Token != "" && item.Token == wanted.Token && item.State != "deleting" {
			c.answer(w, http.StatusOK, item)
			return
		}
		if behaviour.Named && item.Name == wanted.Name {
			http.Error(w, "the name is taken", http.StatusConflict)
			return
		}
	}
	for _, id := range wanted.Refs {
		if other := c.item(id); other == nil || !c.visible(other) {
			http.Error(w, id+" does not exist", http.StatusFailedDependency)
			return
		}
	}
	wanted.Kind, wanted.State, wanted.made = kind, "creating", time.Now()
	c.answer(w, http.StatusCreated, c.insert(wanted))
}

func (c *Cloud) change(w http.ResponseWriter, r *http.Request, id string) {
	item := c.item(id)
	var wanted Item
	if err := json.NewDecoder(r.Body).Decode(&wanted); err != nil || item == nil {
		http.Error(w, "there is no such resource", http.StatusNotFound)
		return
	}
	maps.Copy(item.Props, wanted.Props)
	c.answer(w, http.StatusOK, item)
}

func (c *Cloud) remove(w http.ResponseWriter, id string) {
	item := c.item(id)
	if item == nil {
		http.Error(w, "there is no such resource", http.StatusNotFound)
		return
	}
	for _, other := range c.items {
		for _, ref := range other.Refs {
			if ref == id {
				http.Error(w, id+" is used by "+other.ID, http.StatusLocked)
				return
			}
		}
	}
	if item.State != "deleting" {
		item.State, item.gone = "deleting", time.Now()
	}
	w.WriteHeader(http.StatusNoContent)
}

func (c *Cloud) item(id string) *Item {
	for _, item := range c.items {
		if item.ID == id {
			return item
		}
	}
	return nil
}

// serveObject reads, writes and deletes a small file under a condition.
func (c *Cloud) serveObject(w http.ResponseWriter, r *http.Request, name string) {
	there, exists := c.objects[name]
	if r.Method != http.MethodGet && r.Header.Get("If-Match") != there.version {
		http.Error(w, "it has changed", http.StatusPreconditionFailed)
		return
	}
	switch {
	case !exists && r.Method != http.MethodPut:
		http.Error(w, "there is no such object", http.StatusNotFound)
	case r.Method == http.MethodDelete:
		delete(c.objects, name)
	case r.Method == http.MethodPut:
		text, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		c.next++
		there = object{text: text, version: fmt.Sprint(c.next)}
		c.objects[name] = there
		w.Header().Set("ETag", there.version)
	default:
		w.Header().Set("ETag", there.version)
		if _, err := w.Write(there.text); err != nil {
			return
		}
	}
}

func (c *Cloud) answer(w http.ResponseWriter, code int, value any) {
	w.WriteHeader(code)
	if err := json.NewEncoder(w).Encode(value); err != nil {
		return // the caller is gone
	}
}
