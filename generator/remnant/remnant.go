package remnant

import (
	"context"
	"fmt"
	"regexp"
	"strings"
)

// Object is one version of an object.
type Object struct {
	Key  string
	Size int64
	// Old says that it is a noncurrent version, or the mark that an object was deleted: nothing reads it, and it is there.
	Old bool
}

// Store lists a bucket.
type Store interface {
	// List calls each for every object whose key begins with prefix, with its old versions.
	List(ctx context.Context, bucket, prefix string, each func(Object)) error
	// Folders answers the folders directly below prefix, each with the slash at its end.
	Folders(ctx context.Context, bucket, prefix string) ([]string, error)
	// Versions says whether List can see old versions.
	Versions() bool
	// URL names a key for people ("s3://bucket/key").
	URL(bucket, key string) string
}

// Finding is what one place holds.
type Finding struct {
	// URL names the place.
	URL string `json:"url"`
	// What is there, in words.
	What string `json:"what"`
	// Objects and Bytes are the current versions.
	Objects int   `json:"objects"`
	Bytes   int64 `json:"bytes"`
	// Old and OldBytes are the noncurrent versions and marks of deletion, which only the bucket's own rules delete.
	Old      int   `json:"old"`
	OldBytes int64 `json:"oldBytes"`
	// Later says what removes it, if something does.
	Later string `json:"later,omitempty"`
}

// Report is what is left of a tenant.
type Report struct {
	// ID is the tenant's ID in Cortex and Loki.
	ID string `json:"id"`
	// Looked is the number of places that were listed, and Tables how many of them are tables of Loki's index.
	Looked int `json:"looked"`
	Tables int `json:"tables"`
	// Left are the places that hold anything.
	Left []Finding `json:"left"`
	// Versions says whether old versions were looked for.
	Versions bool `json:"versions"`
}

// Nothing says that no object is left, not even an old version of one.
func (r Report) Nothing() bool { return len(r.Left) == 0 }

var anID = regexp.MustCompile(`^[A-Za-z0-9-]{1,63}$`)

// Find lists everything that is left of a tenant, by its ID. An error means that nothing is known.
func Find(ctx context.Context, store Store, buckets Buckets, id string) (Report, error) {
	if !anID.MatchString(id) {
		return Report{}, fmt.Errorf("%q is no tenant's ID; it is in tenants/removed.yaml", id)
	}
	report := Report{ID: id, Left: []Finding{}}
	found := map[string]*Finding{}
	places := buckets.places(id)
	tables, err := store.Folders(ctx, buckets.Logs, indexFolder)
	if err != nil {
		return Report{}, fmt.Errorf("list %s: %w", store.URL(buckets.Logs, indexFolder), err)
	}
	for _, table := range tables {
		places = append(places, buckets.inTable(table, id))
	}
	report.Looked, report.Tables = len(places), len(tables)
	for _, p := range places {
		if inside(places, p) {
			continue
		}
		if err := list(ctx, store, places, p, found); err != nil {
			return Report{}, err
		}
	}
	for _, p := range places {
		if f := found[p.Bucket+"/"+p.Key]; f != nil {
			report.Left = append(report.Left, *f)
		}
	}
	report.Versions = store.Versions()
	return report, nil
}

// inside says that a place is in one of several others, and listed with that one.
func inside(places []Place, p Place) bool {
	for _, other := range places {
		if other.Bucket == p.Bucket && strings.HasPrefix(p.Key, other.Key+"/") {
			return true
		}
	}
	return false
}

// list lists a place and puts each object to the first place that holds it.
func list(ctx context.Context, store Store, places []Place, p Place, found map[string]*Finding) error {
	err := store.List(ctx, p.Bucket, p.Key, func(o Object) {
		if !p.holds(o.Key) {
			return // another tenant, whose ID begins with this one's
		}
		for _, at := range places {
			if at.Bucket == p.Bucket && at.holds(o.Key) {
				add(store, at, o, found)
				return
			}
		}
	})
	if err != nil {
		return fmt.Errorf("list %s: %w", store.URL(p.Bucket, p.Key), err)
	}
	return nil
}

func add(store Store, at Place, o Object, found map[string]*Finding) {
	key := at.Bucket + "/" + at.Key
	f := found[key]
	if f == nil {
		f = &Finding{URL: store.URL(at.Bucket, at.Key), What: at.What, Later: at.Later}
		found[key] = f
	}
	if o.Old {
		f.Old++
		f.OldBytes += o.Size
		return
	}
	f.Objects++
	f.Bytes += o.Size
}
