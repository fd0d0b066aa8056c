namespace LoadTests.Http;

/// <summary>One answer. The body is a part of the connection's buffer: it is valid until the next exchange.</summary>
internal readonly record struct HttpAnswer(int Status, ReadOnlyMemory<byte> Body);
