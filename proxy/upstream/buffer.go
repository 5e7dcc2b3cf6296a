package upstream

import (
	"errors"
	"io"
	"net"
	"sync"
)

// buffers are the memory that bodies pass through.
var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

func takeBuffer() *[bufferSize]byte {
	if b, ok := buffers.Get().(*[bufferSize]byte); ok {
		return b
	}
	return new([bufferSize]byte)
}

// connection is a connection to an upstream. http.Transport writes bodies with io.Copy to it, and what *net.TCPConn does
// then, since no splice is possible, is to allocate 32 kB for each request.
type connection struct{ net.Conn }

// ReadFrom writes all of r, through a pooled buffer.
func (c *connection) ReadFrom(r io.Reader) (int64, error) {
	buffer := takeBuffer()
	defer buffers.Put(buffer)
	var sum int64
	for {
		n, err := r.Read(buffer[:])
		if n > 0 {
			written, failed := c.Write(buffer[:n])
			sum += int64(written)
			if failed != nil {
				return sum, failed
			}
		}
		if errors.Is(err, io.EOF) {
			return sum, nil
		}
		if err != nil {
			return sum, err
		}
	}
}

// CloseWrite tells the upstream that nothing follows.
func (c *connection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
