namespace LoadTests.Http;

/// <summary>One kind of request about items that are spread over collections: each collection has as many, one range after the other.</summary>
/// <param name="items">The items of all collections.</param>
/// <param name="requests">The request of each collection, in the order of the ranges.</param>
internal sealed class SpreadItem(ItemSet items, IReadOnlyList<IHttpRequest> requests) : IHttpRequest
{
    private readonly int _each = items.Count / requests.Count;

    public int Choose(Random random) => items.Choose(random);

    public int Write(Span<byte> buffer, int item) => Of(item).Write(buffer, item);

    public void Check(in HttpAnswer answer, int item) => Of(item).Check(answer, item);

    private IHttpRequest Of(int item) => requests[(item - items.First) / _each];
}
