namespace LoadTests.Http;

/// <summary>The same request as <see cref="GetItem"/>, to a server that gives all requests the same answer.</summary>
internal sealed class GetConstant : IHttpRequest
{
    private readonly GetItem _get = new(ItemSet.Bench);

    public int Choose(Random random) => _get.Choose(random);

    public int Write(Span<byte> buffer, int item) => _get.Write(buffer, item);

    public void Check(in HttpAnswer answer, int item)
    {
        if (answer.Status != 200 || answer.Body.IsEmpty)
            throw RequestText.Wrong("GET", item, answer);
    }
}
