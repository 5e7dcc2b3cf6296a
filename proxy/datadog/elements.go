package datadog

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
)

// maxElement bounds one series, sketch, check run or log of a payload (bytes, inflated). Payloads are decoded element by
// element, so this and not the payload's size is what a request holds in memory.
const maxElement = 4 << 20

// unmarshal is json.Unmarshal, for values inside of an element.
func unmarshal(data []byte, into any) error { return json.Unmarshal(data, into) }

// maxDocument bounds a host's metadata, which is one document.
const maxDocument = 16 << 20

var errFormat = errors.New("the payload is not what this path takes")

// gate lets a JSON decoder read no further than one element's bound.
type gate struct {
	reader     io.Reader
	read, stop int64
}

func (g *gate) Read(p []byte) (int, error) {
	if g.read >= g.stop {
		return 0, errTooLarge
	}
	n, err := g.reader.Read(p[:min(int64(len(p)), g.stop-g.read)])
	g.read += int64(n)
	return n, err
}

// elements reads JSON values one after the other.
type elements struct {
	*json.Decoder
	gate  *gate
	bound int64
}

func newElements(r io.Reader, bound int64) *elements {
	g := &gate{reader: r, stop: bound}
	return &elements{Decoder: json.NewDecoder(g), gate: g, bound: bound}
}

// next decodes one value.
func (e *elements) next(into any) error {
	err := e.Decode(into)
	e.gate.stop = e.InputOffset() + e.bound
	return err
}

// skipped is a value that nobody looks at.
type skipped struct{}

// UnmarshalJSON takes anything.
func (*skipped) UnmarshalJSON([]byte) error { return nil }

// open takes the opening of an array or object.
func (e *elements) open(want json.Delim) error {
	token, err := e.Token()
	if err != nil {
		return err
	}
	if token != want {
		return fmt.Errorf("%w: %v where %v is expected", errFormat, token, want)
	}
	return nil
}

// each calls read for each element of an array; read must call next once.
func (e *elements) each(read func() error) error {
	if err := e.open('['); err != nil {
		return err
	}
	for e.More() {
		if err := read(); err != nil {
			return err
		}
	}
	_, err := e.Token()
	return err
}

// fields calls read for each field of an object; read must take the field's value.
func (e *elements) fields(read func(name string) error) error {
	if err := e.open('{'); err != nil {
		return err
	}
	for e.More() {
		token, err := e.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		if err := read(name); err != nil {
			return err
		}
	}
	_, err := e.Token()
	return err
}

// eachOf calls read for each element of the array that is the object's field of that name.
func (e *elements) eachOf(name string, read func() error) error {
	return e.fields(func(field string) error {
		if field != name {
			return e.next(&skipped{})
		}
		return e.each(read)
	})
}

// firstByte is the first byte that is not white space; it stays unread. At the end of the body it is 0.
func firstByte(r *bufio.Reader) (byte, error) {
	for {
		b, err := r.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return 0, nil
		case err != nil:
			return 0, err
		case b == ' ' || b == '\t' || b == '\r' || b == '\n':
			continue
		}
		return b, r.UnreadByte()
	}
}

// messages calls read for each embedded message that is field 1 of a protobuf message: all payloads of the agent are
// made like this. The bytes are only valid during the call. buffer is used for them, and returned grown.
func messages(r *bufio.Reader, buffer []byte, read func(message []byte) error) ([]byte, error) {
	for {
		tag, err := readVarint(r)
		if errors.Is(err, io.EOF) {
			return buffer, nil
		}
		if err != nil {
			return buffer, err
		}
		number, kind := protowire.DecodeTag(tag)
		if number == 1 && kind == protowire.BytesType {
			if buffer, err = readBytes(r, buffer); err == nil {
				err = read(buffer)
			}
		} else {
			err = skipField(r, number, kind)
		}
		if err != nil {
			return buffer, noEnd(err)
		}
	}
}

// noEnd says that a message ended in the middle.
func noEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readVarint is io.EOF only before the first byte.
func readVarint(r *bufio.Reader) (uint64, error) {
	var value uint64
	for i := range 10 {
		b, err := r.ReadByte()
		if err != nil {
			if i > 0 {
				err = noEnd(err)
			}
			return 0, err
		}
		value |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			return value, nil
		}
	}
	return 0, fmt.Errorf("%w: a number has more than ten bytes", errFormat)
}

// readBytes grows the buffer as the bytes arrive, so that a claimed length alone takes no memory.
func readBytes(r *bufio.Reader, buffer []byte) ([]byte, error) {
	size, err := readVarint(r)
	if err != nil {
		return buffer, noEnd(err)
	}
	if size > maxElement {
		return buffer, errTooLarge
	}
	const step = 64 << 10
	buffer = buffer[:0]
	for left := int(size); left > 0; { //nolint:gosec // at most maxElement
		part := min(left, step)
		at := len(buffer)
		buffer = grow(buffer, part)
		if _, err := io.ReadFull(r, buffer[at:]); err != nil {
			return buffer, noEnd(err)
		}
		left -= part
	}
	return buffer, nil
}

// grow lengthens a buffer by n bytes of any content.
func grow(buffer []byte, n int) []byte {
	if free := cap(buffer) - len(buffer); free < n {
		buffer = append(buffer, make([]byte, n)...)
		return buffer
	}
	return buffer[:len(buffer)+n]
}

func skipField(r *bufio.Reader, number protowire.Number, kind protowire.Type) error {
	size := uint64(0)
	switch kind {
	case protowire.VarintType:
		_, err := readVarint(r)
		return err
	case protowire.Fixed64Type:
		size = 8
	case protowire.Fixed32Type:
		size = 4
	case protowire.BytesType:
		length, err := readVarint(r)
		if err != nil {
			return err
		}
		size = length
	default:
		return fmt.Errorf("%w: field %d has wire type %d", errFormat, number, kind)
	}
	if size > maxElement {
		return errTooLarge
	}
	_, err := r.Discard(int(size)) //nolint:gosec // at most maxElement
	return err
}
