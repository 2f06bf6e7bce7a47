/**
 * What precisions are compared on when no other text is given: a voyage, sayings and an address, in the English of the
 * books that the shipped model was trained on, and in none of them. Nothing is calibrated on it. About 1,500 tokens of
 * that model. Whoever changes it changes the figures of docs/precision.md.
 */
export const evaluationText = `It was in the latter end of the winter that we put out from the harbour, with a fair \
wind upon the quarter and the old captain standing by the wheel, his hat drawn down over his eyes and his great coat \
buttoned to the chin. He had not spoken to any man since the morning. The mate, who had sailed with him in three ships, \
told us that it was always so upon the first day; that the captain gave that day to his wife and his children, and that \
he would give all the others to the whale. So we went about our work quietly, coiling the lines and making fast the \
boats, and looked back now and then at the white houses upon the hill, until they were no more than a little chalk upon \
the edge of the sea.

By the third week we had come into warmer water. The nights were clear, and the men who had no watch to keep lay upon \
the deck and told one another stories of ships that had been lost, and of islands where the people had never seen a sail. \
There was among us an old sailor, a harpooneer, who had been a preacher in his youth, and who could not hear a story \
without finding a lesson in it.

"Thou speakest of the ship that was lost," said he, "but thou hast not told us what was in the heart of him that steered \
her. For I have seen many ships, and I say unto you that the rock doth not come to the ship, but the ship goeth to the \
rock."

"And what of the storm?" cried the boy. "Does not the storm come to the ship?"

"The storm cometh to all ships alike," answered the old man; "but not all of them are broken by it."

At this there was a laugh, and one of the men threw him a piece of bread, which he caught in his hat. But I remember that \
the captain had come up out of the cabin, and that he stood for a long time in the dark behind the mast, and listened.

On the morning of the next day, while the sun was yet low, there was a cry from the head of the mainmast. "There she \
blows! Two points upon the larboard bow, sir, and not a mile from us!" In a moment every man was upon his feet. The boats \
were lowered, the oars were out, and we pulled with all our strength over the long green swells, no man turning his head, \
for it is the law of the boats that he who pulls shall not look upon that which he is pulling to. I heard the breath of \
the creature before I saw it: a deep and heavy sound, like the wind in a cave. Then the mate stood up in the bow with the \
iron in his hand, and I saw his face, and I knew by it that the whale was under us.

Hear, my sons, the words of your father, and let not your hearts be lifted up in the day of your strength. A man \
buildeth a house with his hands, and the wind cometh in the night, and in the morning it is not; but he that giveth bread \
to the stranger hath built a house which no wind shall find. Better is a little field with peace, than a great vineyard \
and the sword at the gate of it.

The wise man holdeth his tongue before the king, and the king asketh for him; but the fool speaketh all his mind, and is \
sent away. As the river goeth down unto the sea and asketh not the way, so is the heart of the righteous: it knoweth \
whither it goeth. And it came to pass in those days that the people said one to another, Let us make us a tower of stone \
upon the mountain, that our enemies may see it and be afraid. But there was an old woman in the city, and she lifted up \
her voice and said, Who shall draw the water for your tower, and who shall keep the sheep while ye build? And they were \
ashamed, and every man returned unto his own house, and they had peace in the land forty years.

Fellow citizens of the Senate and of the House of Representatives: It is my duty under the Constitution to give you \
information of the state of the Union, and I am happy to say that at no time within the memory of those who now hold \
public office has the condition of our country been more prosperous than it is at present. The harvest has been abundant, \
our commerce has been extended to every part of the world, and the revenue has been more than sufficient to meet the \
expenses of the Government. The public debt, which stood at the close of the last fiscal year at forty millions of \
dollars, has been reduced by six millions, and it is believed that no new taxes will be required.

Our relations with the other powers continue to be friendly. The treaty which was signed in the month of June with the \
Government of Great Britain for the settlement of the boundary in the north has been laid before the Senate, and I \
recommend that it be considered at an early day. It is to be regretted that the claims of our citizens for the loss of \
their vessels in the southern ports have not yet been paid; but I have received from the minister of that nation the \
strongest assurances that they will be examined with justice, and I see no reason to doubt them.

The report of the Secretary of the Navy will show that two of the ships which were authorized by the last Congress have \
been completed, and that a third will be ready for sea in the spring. The Secretary of War asks for an increase in the \
number of officers upon the western frontier, where the settlement of the country has gone on more rapidly than our means \
of protecting it. I commend his recommendations to your careful attention. A nation which desires peace must not be \
unable to defend it; yet the true strength of a free people is not in the number of its soldiers, but in the industry of \
its homes, the education of its children, and the honest administration of its laws.

I can not close this message without some mention of the improvement of our rivers and harbors. The great lakes and the \
Mississippi carry every year a larger part of the products of the interior, and upon every one of them lives and property \
are lost which a small expenditure would have saved. It has been doubted by some whether the power to make such \
improvements was given to the General Government. I do not share in that doubt where the work is national in its \
character and the benefit of it is common to all the States; and I shall cheerfully cooperate with you in any measure \
which keeps within that rule.
`;
