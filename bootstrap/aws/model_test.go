package aws

import (
	"context"
	"errors"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go"

	"github.com/opsgen/opsgen/bootstrap/aws/awsfake"
	"github.com/opsgen/opsgen/bootstrap/engine/killtest"
)

// clients are those of the SDK, by the names that the fake has for services.
func (w *world) clients() map[string]any {
	return map[string]any{
		"ec2": w.ec2, "eks": w.eks, "iam": w.iam, "kms": w.kms, "route53": w.route53, "sts": w.sts, "servicequotas": w.limits, "tagging": w.tags,
		"logs": w.logs, "ssm": w.ssm, "s3": w.s3, "elasticloadbalancing": w.classic, "elasticloadbalancingv2": w.balancers,
	}
}

// TestFakeIsWhatTheSDKKnows compares the fake with the SDK's own models, at all depths: every call that it answers is one of
// the service, every field that it takes is one of the call, and what the service requires, it misses when it is not given.
func TestFakeIsWhatTheSDKKnows(t *testing.T) {
	credentials(t)
	cloud := awsfake.New(time.Second, time.Second)
	w, err := open(t.Context(), killtest.Direct(cloud))
	if err != nil {
		t.Fatal(err)
	}
	for name, fields := range cloud.Knows() {
		service, action, _ := strings.Cut(name, ":")
		method := reflect.ValueOf(w.clients()[service]).MethodByName(action)
		if !method.IsValid() {
			t.Errorf("%s has no call %s", service, action)
			continue
		}
		input := func() reflect.Value { return reflect.New(method.Type().In(1).Elem()) }
		wire, missing := map[string]string{}, required(t.Context(), method, input())
		for _, field := range fields.Known {
			given := input()
			path, found := fill(given, strings.Split(field, "."))
			if !found {
				t.Errorf("%s: the SDK has no field %s", name, field)
			}
			wire[path] = field
			// What it is that the field holds, is missed once it is there.
			missing = append(missing, slices.DeleteFunc(required(t.Context(), method, given), func(inner string) bool {
				return !strings.HasPrefix(inner, path+".") || strings.Contains(inner[len(path)+1:], ".")
			})...)
		}
		for _, field := range missing {
			if !slices.Contains(fields.Required, wire[field]) && !inURL(service, action, field) {
				t.Errorf("%s: the service requires %s (%s), and the fake does not", name, field, wire[field])
			}
		}
	}
}

// fill makes room for a field and all above it, and gives its name in the SDK.
func fill(value reflect.Value, wire []string) (path string, found bool) {
	for value.Kind() == reflect.Pointer || value.Kind() == reflect.Slice {
		if value.Kind() == reflect.Slice {
			if value.Len() == 0 {
				value.Set(reflect.MakeSlice(value.Type(), 1, 1))
			}
			value = value.Index(0)
			continue
		}
		if value.IsNil() {
			value.Set(reflect.New(value.Type().Elem()))
		}
		value = value.Elem()
	}
	if len(wire) == 0 {
		return "", true
	}
	if value.Kind() != reflect.Struct {
		return "", len(wire) == 1 // XML has a name for the items of a list
	}
	for i := range value.NumField() {
		name := value.Type().Field(i).Name
		if !sameField(wire[0], name) {
			continue
		}
		inner := value.Field(i)
		if len(wire) == 1 && !holds(inner.Type()) {
			return name, true
		}
		rest, found := fill(inner, wire[1:])
		return strings.TrimSuffix(name+"."+rest, "."), found
	}
	if len(wire) > 1 {
		return fill(value, wire[1:]) // the same, for items with fields of their own
	}
	return "", strings.EqualFold(value.Type().Name(), wire[0])
}

// holds says that a field has fields of its own.
func holds(field reflect.Type) bool {
	return (field.Kind() == reflect.Pointer || field.Kind() == reflect.Slice) && field.Elem().Kind() == reflect.Struct
}

// sameField compares names of fields: the wire begins some with a small letter, and lists have no plural there.
func sameField(wire, field string) bool {
	return strings.EqualFold(wire, field) || strings.EqualFold(wire+"s", field)
}

// position is that of an item in a list.
var position = regexp.MustCompile(`\[[0-9]+\]`)

// required are the fields that the SDK misses in an input before it sends it.
func required(ctx context.Context, method, input reflect.Value) []string {
	answer := method.Call([]reflect.Value{reflect.ValueOf(ctx), input})
	err, _ := answer[1].Interface().(error)
	var invalid smithy.InvalidParamsError
	if !errors.As(err, &invalid) {
		return nil
	}
	var fields []string
	for _, problem := range invalid.Errs() {
		var field interface{ Field() string }
		if errors.As(problem, &field) {
			_, name, _ := strings.Cut(position.ReplaceAllString(field.Field(), ""), ".")
			fields = append(fields, name)
		}
	}
	return fields
}

// inURL says that a field is part of the URL, which cannot be without it.
func inURL(service, action, field string) bool {
	names := map[string]string{"s3": "Bucket Key", "route53": "Id HostedZoneId", "eks": "ClusterName"}[service]
	if service == "eks" && !strings.HasPrefix(action, "Create") {
		names += " Name NodegroupName AddonName AssociationId UpdateId"
	}
	return slices.Contains(strings.Fields(names), field)
}
