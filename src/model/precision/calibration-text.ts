/**
 * What a KV cache is calibrated on: prose, dialogue, a list, numbers and code, so that channels which answer to one kind
 * of text are seen. About 500 tokens of a GPT-2. Whoever changes it changes answers with an int8 cache, and counts up
 * `formatVersion` of the scales' file.
 */
export const calibrationText = `The harbour was quiet when the first boats came in. Nets lay in heaps along the wall, and the \
gulls, which had been waiting since before dawn, rose all at once as if somebody had clapped. Anna counted the crates \
twice, wrote the number down, and looked at the sky. It would rain before noon; it always did when the wind came from \
the west in October.

"You're late," said the man at the scales. "I thought you'd sold the boat."
"Not yet!" she answered. "Who would buy it? It's older than both of us together."

According to the report, published on 14 March 2019, the company's revenue grew by 7.5% to $1,284 million, while its \
costs fell from 310 to 296 million. The United States, Germany and Japan remained its largest markets. Analysts had \
expected less: the share price rose by 3.2 points within an hour, and closed at 48.71.

To make a simple bread you need:
 - 500 g of flour, 350 ml of water, 10 g of salt
 - a little yeast, and time
1. Mix everything in a large bowl until no dry flour is left.
2. Cover it and let it rest for 12 to 18 hours at room temperature.
3. Fold the dough, shape it, and bake it at 240 degrees for 45 minutes.

def fibonacci(n):
    """Return the first n numbers of the sequence."""
    a, b, result = 0, 1, []
    while len(result) < n:
        result.append(a)
        a, b = b, a + b
    return result  # e.g. [0, 1, 1, 2, 3, 5]

In mathematics, a prime number is a natural number greater than 1 that is not a product of two smaller natural numbers. \
The property of being prime is called primality. A simple but slow method of checking whether a given number is prime is \
trial division. Why are there infinitely many of them? Suppose that there were only finitely many: multiply them all, \
add one, and look at what divides the result.

Question: What is the capital of France? Answer: The capital of France is Paris. Question: How many legs does a spider \
have? Answer: Eight. Thank you for your help; I am not sure that I would have found it on my own. See https://example.org \
or write to <info@example.org>, please.
`;
