using System.Globalization;

namespace Fuzz.Making;

/// <summary>Makes a right request wrong, or odd, at some places. It stays well-formed HTTP with one answer.</summary>
internal static class RequestSpoiler
{
    public static void Spoil(FuzzRequest request, Chance chance)
    {
        for (var times = 1 + chance.Below(3); times > 0; times--)
            switch (chance.Below(9))
            {
                case 0:
                    request.Segments[chance.Below(request.Segments.Count)] = Segment(chance);
                    request.IsElsewhere = true;
                    break;
                case 1:
                    request.Segments.Insert(chance.Below(request.Segments.Count + 1), Segment(chance));
                    request.IsElsewhere = true;
                    break;
                case 2 when chance.OneIn(3):
                    request.Method = chance.Of(OddValues.Methods);
                    request.IsElsewhere = true;
                    break;
                case 3:
                    SpoilQuery(request, chance);
                    break;
                case 4 when request.Headers.Count > 0:
                    SpoilHeader(request, chance);
                    break;
                case 5:
                    request.Headers.Add(chance.Of(OddValues.Headers));
                    break;
                case 6 when chance.OneIn(10):
                    request.Headers.Add(("X-Long", new string('x', chance.Length() * chance.Of<int>([1, 2, 4]))));
                    break;
                case 7:
                    request.Body = JsonSpoiler.SpoilText(request.Body ?? "{}"u8.ToArray(), chance);
                    break;
                default:
                    request.Headers.Add((chance.Of([.. request.Operation.Parameters.Where(each => each.Place == "header").Select(each => each.Name), "Accept"]),
                        chance.Of(OddValues.Texts)));
                    break;
            }
    }

    private static string Segment(Chance chance) => chance.OneIn(4) ? RequestMaker.LongSegment(chance) : chance.Of(OddValues.Segments);

    private static void SpoilQuery(FuzzRequest request, Chance chance)
    {
        var name = chance.OneIn(4)
            ? Uri.EscapeDataString(chance.Of(OddValues.Texts))
            : chance.Of<string>(["limit", "order", "select", "cursor", "id.gt", "id.prefix", "f.a", "f.", "f", "x", "LIMIT", ""]);
        var value = chance.Of(OddValues.Texts);
        request.Query.Add((name, chance.OneIn(3) ? chance.Of(OddValues.Segments) : chance.OneIn(8) ? RequestMaker.LongSegment(chance) : Uri.EscapeDataString(value)));
        if (chance.OneIn(5))
            request.Query.Add(request.Query[0]);
    }

    private static void SpoilHeader(FuzzRequest request, Chance chance)
    {
        var at = chance.Below(request.Headers.Count);
        var (name, value) = request.Headers[at];
        if (name == "Authorization" && !chance.OneIn(8))
            return; // mostly let in: behind the door is more to break
        switch (chance.Below(4))
        {
            case 0:
                request.Headers.RemoveAt(at);
                break;
            case 1:
                request.Headers.Add((name, value));
                break;
            case 2:
                request.Headers[at] = (name.ToUpper(CultureInfo.InvariantCulture), value + chance.Of(OddValues.Texts));
                break;
            default:
                request.Headers[at] = (name, chance.Of(OddValues.Texts));
                break;
        }
    }
}
