package gcp

import (
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strings"

	"golang.org/x/oauth2"
	"google.golang.org/api/googleapi"

	"github.com/opsgen/opsgen/bootstrap/engine"
)

// classes are the errors that Google documents for the calls that are made here: reasons of the older services (Compute
// Engine, Cloud Storage, Cloud DNS), codes of their operations, and the status of the newer ones (google.rpc.Code).
func classes() map[string]engine.Class {
	m := map[string]engine.Class{}
	for class, codes := range map[engine.Class]string{
		engine.Throttled: `rateLimitExceeded userRateLimitExceeded RATE_LIMIT_EXCEEDED RESOURCE_EXHAUSTED`,
		engine.Uncertain: `backendError internalError INTERNAL INTERNAL_ERROR UNAVAILABLE UNKNOWN DEADLINE_EXCEEDED CANCELLED`,
		engine.Blocked: `resourceInUseByAnotherResource RESOURCE_IN_USE_BY_ANOTHER_RESOURCE resourceNotReady RESOURCE_NOT_READY
			RESOURCE_OPERATION_RATE_EXCEEDED operationInProgress CLUSTER_ALREADY_HAS_OPERATION containerNotEmpty ABORTED`,
		engine.Exists: `alreadyExists ALREADY_EXISTS RESOURCE_ALREADY_EXISTS`,
		engine.Gone:   `notFound NOT_FOUND RESOURCE_NOT_FOUND accessNotConfigured SERVICE_DISABLED`,
	} {
		for code := range strings.FieldsSeq(codes) {
			m[code] = class
		}
	}
	return m
}

// What to do about refusals.
const (
	hintCredentials = "Give Google credentials: `gcloud auth application-default login`, or GOOGLE_APPLICATION_CREDENTIALS with the path of a " +
		"service account's key, or a service account of the machine."
	hintExpired = "The credentials have expired or are wrong: renew them (`gcloud auth application-default login`), and run the same command again."
	hintDenied  = "Ask for the right, or use credentials that have it; an organization's deny policy may keep it from everybody. Then run the same command again."
	hintQuota   = "Ask for a higher quota (IAM & Admin, Quotas, in the console), or remove what is not needed. Then run the same command again."
	hintPolicy  = "A policy of your organization forbids this: ask whoever keeps it for an exception for this project, or change cluster.yaml to what it allows. " +
		"Then run the same command again."
	hintBilling  = "Link the project to a billing account, and run the same command again."
	hintCapacity = "Google has no machines left in this zone: wait, or choose other zones in cluster.yaml (provider.zones). Then run the same command again."
	hintNames    = "Choose another name in cluster.yaml."
	hintNoBucket = "Make it, or remove provider.storage.given from cluster.yaml, and up makes it."
)

// hints are by the same codes as classes.
func hints() map[string]string {
	m := map[string]string{}
	for hint, codes := range map[string]string{
		hintExpired:  `authError UNAUTHENTICATED invalid_grant ACCESS_TOKEN_EXPIRED CREDENTIALS_MISSING ACCESS_TOKEN_TYPE_UNSUPPORTED`,
		hintDenied:   `forbidden PERMISSION_DENIED IAM_PERMISSION_DENIED insufficientPermissions`,
		hintQuota:    `quotaExceeded QUOTA_EXCEEDED limitExceeded dailyLimitExceeded GCE_QUOTA_EXCEEDED QUOTA_FOR_INSTANCES`,
		hintPolicy:   `SECURITY_POLICY_VIOLATED orgPolicyViolation`,
		hintBilling:  `BILLING_DISABLED accountDisabled UREQ_PROJECT_BILLING_NOT_FOUND`,
		hintCapacity: `GCE_STOCKOUT ZONE_RESOURCE_POOL_EXHAUSTED ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS`,
	} {
		for code := range strings.FieldsSeq(codes) {
			m[code] = hint
		}
	}
	return m
}

// constraint is how a policy of an organization is named in a refusal.
var constraint = regexp.MustCompile(`constraints/[A-Za-z0-9_.]+`)

// shortOf is how GKE says that there is not enough of something; it has no reason of its own for that.
var shortOf = regexp.MustCompile(`(?i)insufficient (regional |project )?quota`)

// missing is how a call is refused that refers to something that is not known everywhere yet.
var missing = regexp.MustCompile(`does not exist|(is|was) not found|is not ready`)

// outOf is how a zone without machines is told, in the midst of other words.
var outOf = regexp.MustCompile(`GCE_STOCKOUT|ZONE_RESOURCE_POOL_EXHAUSTED|does not have enough resources available`)

// Classify implements provider.Provider. Errors without a code are told apart by their HTTP status.
func (c *cloud) Classify(err error) engine.Verdict {
	var early *earlyError
	var busy *busyError
	switch {
	case errors.As(err, &early):
		return engine.Verdict{Class: engine.NotYet}
	case errors.As(err, &busy):
		return engine.Verdict{Class: engine.Blocked}
	case errors.Is(err, engine.ErrForeign):
		return engine.Verdict{Hint: hintNames}
	case errors.Is(err, errNoBucket):
		return engine.Verdict{Hint: hintNoBucket}
	case errors.Is(err, errNoCredentials):
		return engine.Verdict{Hint: hintCredentials}
	}
	if verdict, known := tokenVerdict(err); known {
		return verdict
	}
	return byAnswer(anatomy(err))
}

// byAnswer tells answers apart: by their words, their reasons, and their status.
func byAnswer(status int, codes []string, text string) engine.Verdict {
	if policy := constraint.FindString(text); policy != "" {
		return engine.Verdict{Hint: "The policy is " + policy + ". " + hintPolicy}
	}
	if class, known := passing(status, text); known {
		return engine.Verdict{Class: class}
	}
	if status != 0 && outOf.MatchString(text) {
		return engine.Verdict{Hint: hintCapacity}
	}
	if status == http.StatusForbidden && shortOf.MatchString(text) {
		return engine.Verdict{Hint: hintQuota}
	}
	return byCode(status, codes)
}

func byCode(status int, codes []string) engine.Verdict {
	// Refusals first: a status is general, a reason is not.
	for _, code := range codes {
		if hint, known := hints()[code]; known && code != "forbidden" && code != "PERMISSION_DENIED" {
			return engine.Verdict{Hint: hint}
		}
	}
	for _, code := range codes {
		if class, known := classes()[code]; known {
			return engine.Verdict{Class: class}
		}
	}
	return byStatus(status)
}

func byStatus(status int) engine.Verdict {
	switch {
	case status == http.StatusNotFound:
		return engine.Verdict{Class: engine.Gone}
	case status == http.StatusTooManyRequests:
		return engine.Verdict{Class: engine.Throttled}
	case status == http.StatusUnauthorized:
		return engine.Verdict{Hint: hintExpired}
	case status == http.StatusForbidden:
		return engine.Verdict{Hint: hintDenied}
	case status >= http.StatusInternalServerError, status == http.StatusRequestTimeout, status == 0:
		return engine.Verdict{Class: engine.Uncertain}
	}
	return engine.Verdict{}
}

// tokenVerdict is about calls that were not sent, since there was no token: nothing happened.
func tokenVerdict(err error) (engine.Verdict, bool) {
	var unsent *unsentError
	if !errors.As(err, &unsent) {
		return engine.Verdict{}, false
	}
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.Response != nil {
		if status := refused.Response.StatusCode; status >= http.StatusBadRequest && status < http.StatusInternalServerError && status != http.StatusTooManyRequests {
			return engine.Verdict{Hint: hintExpired}, true
		}
	}
	return engine.Verdict{Class: engine.Throttled}, true
}

// anatomy takes an error apart: the HTTP status, all codes in it, and the words.
func anatomy(err error) (status int, codes []string, text string) {
	var answer *googleapi.Error
	var failed *failedError
	switch {
	case errors.As(err, &failed):
		return http.StatusBadRequest, []string{failed.code}, failed.message
	case !errors.As(err, &answer):
		return 0, nil, ""
	}
	for _, item := range answer.Errors {
		codes = append(codes, item.Reason)
	}
	var body struct {
		Error struct {
			Status  string
			Details []struct{ Reason string }
		}
	}
	if json.Unmarshal([]byte(answer.Body), &body) == nil {
		for _, detail := range body.Error.Details {
			codes = append(codes, detail.Reason)
		}
		codes = append(codes, body.Error.Status)
	}
	return answer.Code, codes, answer.Message + " " + answer.Body
}

// passing are refusals whose code is used for others too, so that the words decide: an account, a pool or a right that was
// just made and is not known everywhere yet, and a cluster that is busy.
func passing(status int, text string) (engine.Class, bool) {
	text = strings.ToLower(text)
	for words, class := range map[string]engine.Class{
		"identity pool does not exist": engine.NotYet,
		"usetoencrypt":                 engine.NotYet,
		"incompatible operation":       engine.Blocked,
		"try again once it is done":    engine.Blocked, // "Operation … is currently upgrading cluster …"
		"concurrent policy changes":    engine.Blocked,
		"bucket you tried to delete":   engine.Blocked,
		"bucket name is not available": engine.Blocked, // it was ours a moment ago: a look has shown that nobody has it
		"previous request to create":   engine.Exists,
	} {
		if strings.Contains(text, words) {
			return class, true
		}
	}
	// All that a call refers to was seen before it was made.
	if status == http.StatusBadRequest && missing.MatchString(text) {
		if strings.Contains(text, "container-engine-robot") {
			return engine.Blocked, true // Google makes it after the API was enabled, in its own time
		}
		return engine.NotYet, true
	}
	return 0, false
}

// earlyError is a write that was refused since something it refers to is not known everywhere yet.
type earlyError struct{ err error }

// Error is the cause's.
func (e *earlyError) Error() string { return e.err.Error() }

// Unwrap is the cause.
func (e *earlyError) Unwrap() error { return e.err }

// busyError is a write that was refused since somebody else wrote meanwhile.
type busyError struct{ err error }

// Error is the cause's.
func (e *busyError) Error() string { return e.err.Error() }

// Unwrap is the cause.
func (e *busyError) Unwrap() error { return e.err }

// gone says whether an error is that there is no such thing.
func (c *cloud) gone(err error) bool { return err != nil && c.Classify(err).Class == engine.Gone }
